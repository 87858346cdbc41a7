# What build_sys makes of the tables. `lib` holds each table's functions and constants; ext/sys/*.py give them types.
from typing import Any

ffi: Any
lib: Any
