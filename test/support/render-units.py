"""Renders the unit templates of all roles into a directory, with the defaults of the role: render-units.py ROLES TARGET"""

import glob
import os
import sys

import jinja2
import yaml


class Anything(jinja2.ChainableUndefined):
    """A variable that only a run has."""

    def __iter__(self):
        return iter([])

    def __str__(self):
        return "1"

    def __floordiv__(self, other):
        return 1


roles, target = sys.argv[1:]
for file in sorted(glob.glob(f"{roles}/*/templates/*.service.j2")):
    role, name = file.split("/")[-3], os.path.basename(file)[:-3]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(os.path.dirname(file)), undefined=Anything, trim_blocks=True
    )
    with open(f"{roles}/{role}/defaults/main.yml", encoding="utf8") as defaults:
        variables = yaml.safe_load(defaults) or {}
    for wireguard in ("kernel", "userspace"):
        text = environment.get_template(os.path.basename(file)).render(variables | {"network_wireguard": wireguard})
        for _ in range(3):  # Defaults refer to one another.
            text = environment.from_string(text).render(variables)
        os.makedirs(f"{target}/{wireguard}", exist_ok=True)
        with open(f"{target}/{wireguard}/{name}", "w", encoding="utf8") as unit:
            unit.write(text)
