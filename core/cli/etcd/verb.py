"""`etcd`: what its commands have in common is that only control planes answer them."""

import click

from core.cli.etcd import members, recover, upkeep


@click.group(name="etcd")
def command() -> None:
    """The cluster's database: members, health, snapshots."""


for each in (
    members.members,
    members.remove_member,
    members.forfeit_leadership,
    members.leave,
    recover.recover,
    upkeep.alarm,
    upkeep.defrag,
    upkeep.downgrade,
    upkeep.snapshot,
    upkeep.status,
):
    command.add_command(each)
