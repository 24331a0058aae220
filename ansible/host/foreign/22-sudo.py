def subject(kind, name):
    return f"{ {'usergroup': '%', 'netgroup': '+', 'userid': '#'}.get(kind, '')}{name}"


def sudoers():
    """Every rule and setting as sudo itself reads them, with the files that are included."""
    return json.loads(output("cvtsudoers", "-f", "json", "-e", "/etc/sudoers"))


def sudo_rules():
    for rule in sudoers().get("User_Specs", []):
        who = ",".join(subject(*next(iter(one.items()))) for one in rule.get("User_List", []))
        told = []
        for spec in rule.get("Cmnd_Specs", []):
            options = {name: value for one in spec.get("Options", []) for name, value in one.items()}
            told += ["NOPASSWD:"] if options.get("authenticate") is False else []
            told += [f"{'!' if one.get('negated') else ''}{one.get('command', one)}" for one in spec.get("Commands", [])]
        yield f"{who}: {' '.join(told)}"


def sudo_members():
    for group in ("sudo", "admin", "wheel"):
        fields = output("getent", "group", group, check=False).strip().split(":")
        for name in fields[3].split(",") if len(fields) > 3 else ():
            if name:
                yield f"{name} in the group {group}"


def sudo_settings():
    """Settings in the order in which sudo reads them: for whom, which, and its value."""
    for group in sudoers().get("Defaults", []):
        who = " ".join(subject(*next(iter(one.items()))) for one in group.get("Binding", []) if isinstance(one, dict))
        for option in group.get("Options", []):
            for name, value in option.items():
                if name != "operation":
                    yield who, name, value


@looks
def sudo():
    if not os.path.exists("/etc/sudoers"):
        return
    before, user = (remembered() or {}).get("sudo"), WANTED["operator"]
    usual = {"root: ALL", "%sudo: ALL", f"{user}: ALL", f"{user}: NOPASSWD: ALL", f"{user} in the group sudo"}
    for rule in [*sudo_rules(), *sudo_members()]:
        if before is not None and rule not in usual and rule not in before:
            foreign("sudo rule", "/etc/sudoers and /etc/sudoers.d", "absent", rule)
    values, own = {}, os.path.exists("/etc/sudoers.d/10-socle")
    for who, name, value in sudo_settings():
        wanted = {**(WANTED["sudo_defaults"] if own else {}), "authenticate": True, "env_reset": True}
        if who and name in wanted and str(value) != str(wanted[name]):
            foreign("sudo setting", f"{name} for {who}", wanted[name], value)
        elif not who:
            values[name] = value
    for name, wanted in {**(WANTED["sudo_defaults"] if own else {}), "authenticate": True, "env_reset": True}.items():
        # Both are on unless something says otherwise.
        found = values.get(name, True if name in ("authenticate", "env_reset") else "not set")
        if str(found) != str(wanted):
            foreign("sudo setting", name, wanted, found)
