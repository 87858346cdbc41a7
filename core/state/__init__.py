"""Typed resources, the store, watches, controllers and their runtime."""

from core.state.controller import Controller, Input, Output, Strength, destroy_ready, exclusive, shared, strong, weak
from core.state.definition import Column, Definition, Registry
from core.state.errors import (
    InvalidBookmark,
    Overrun,
    OwnerConflict,
    PendingFinalizers,
    PhaseConflict,
    VersionConflict,
)
from core.state.events import Change, Event
from core.state.metadata import Kind, Metadata, Phase, Pointer
from core.state.query import EVERYTHING, Op, Query, Term
from core.state.resource import Resource, Spec, resource
from core.state.runtime import Runtime
from core.state.scope import Scope
from core.state.shapes import apply, merge, observe, transform
from core.state.store import Store
from core.state.watch import Watch

__all__ = [
    "EVERYTHING",
    "Change",
    "Column",
    "Controller",
    "Definition",
    "Event",
    "Input",
    "InvalidBookmark",
    "Kind",
    "Metadata",
    "Op",
    "Output",
    "Overrun",
    "OwnerConflict",
    "PendingFinalizers",
    "Phase",
    "PhaseConflict",
    "Pointer",
    "Query",
    "Registry",
    "Resource",
    "Runtime",
    "Scope",
    "Spec",
    "Store",
    "Strength",
    "Term",
    "VersionConflict",
    "Watch",
    "apply",
    "destroy_ready",
    "exclusive",
    "merge",
    "observe",
    "resource",
    "shared",
    "strong",
    "transform",
    "weak",
]
