def directories_of(unit):
    """Names of the directories whose drop-ins a unit takes: its own, those of its prefixes and of its type (systemd.unit(5))."""
    name, kind = unit.rsplit(".", 1)
    names = {f"{unit}.d", f"{kind}.d"}
    if "@" in name:
        name = name.split("@")[0]
        names.add(f"{name}@.{kind}.d")
    words = name.split("-")
    names |= {f"{'-'.join(words[:count])}-.{kind}.d" for count in range(1, len(words))}
    return names


def shown(units):
    """What systemd has loaded of each unit; of a template, of an instance."""
    instances = {unit.replace("@.", "@socle."): unit for unit in units}
    properties = "Id,LoadState,FragmentPath,DropInPaths"
    blocks = output("systemctl", "show", f"--property={properties}", "--", *instances).strip().split("\n\n")
    for unit, block in zip(instances.values(), blocks):
        yield unit, dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def settings_of(path):
    if not os.path.exists(path):
        return "its file is gone, and systemd goes by it until `systemctl daemon-reload`"
    lines = [line for line in lines_of(path) if line and line[0] not in "#;"]
    return " ".join(lines) or "an empty file"


@looks
def units():
    own, others = set(WANTED["units"]), set(WANTED["system_units"])
    places = output("systemctl", "show", "--property=UnitPath", "--value").split()
    drop_ins = {}
    for unit, state in shown(sorted(own | others)):
        fragment = state.get("FragmentPath", "")
        usual = ("/etc/systemd/system/",) if unit in own else ("/usr/lib/systemd/system/", "/lib/systemd/system/")
        # One that is masked is told where units are looked at.
        if state.get("LoadState") != "masked" and fragment and f"{os.path.dirname(fragment)}/" not in usual:
            foreign("unit", fragment, f"{usual[0]}{unit}", f"wins over {unit}")
        # On disk as well: what systemd has not read yet, it reads at the next boot.
        there = [path for place in places for name in directories_of(unit) for path in glob.glob(f"{place}/{name}/*.conf")]
        for path in {*state.get("DropInPaths", "").split(), *there}:
            drop_ins.setdefault(path, []).append(unit)
    from_packages = packaged([path for path, of in drop_ins.items() if not own.intersection(of)])
    for path, of in sorted(drop_ins.items()):
        if path in from_packages:
            continue
        more = f" and {len(of) - 1} more units" if len(of) > 1 else ""
        foreign("drop-in", path, "absent", f"{settings_of(path)}: wins over {of[0]}{more}")


# What changes programs from outside their own configuration.
LOUD = re.compile(r"^(LD_[A-Z_]+|K3S_\w+|CONTAINERD_\w+|NODE_\w+|PYTHON\w+|SOCLE_\w+|BASH_ENV|ENV|KUBECONFIG)=")


@looks
def environment():
    for line in output("systemctl", "show-environment").splitlines():
        if LOUD.match(line):
            foreign("environment", "of every unit", "not set", line)
    for line in lines_of("/etc/ld.so.preload"):
        if line and not line.startswith("#"):
            foreign("environment", "/etc/ld.so.preload", "absent", f"every program loads {line}")
