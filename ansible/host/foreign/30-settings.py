@looks
def kernel_settings_at_boot():
    wanted = {name.replace(".", "/"): str(value) for name, value in WANTED["sysctls"].items()}
    last = {}
    for path, line in cat_config("sysctl.d"):
        name, _, value = line.lstrip("-").partition("=")
        last[name.strip().replace(".", "/")] = (value.strip(), path)
    for name, value in wanted.items():
        found, path = last.get(name, (value, ""))
        if found.split() != value.split():
            foreign("kernel setting at boot", path, f"{name.replace('/', '.')} = {value}", found)


@looks
def kernel_modules():
    if not os.path.exists("/etc/modprobe.d/socle.conf"):
        return
    first, held = {}, {}
    for line in output("modprobe", "--showconfig").splitlines():
        words = line.split()
        # modprobe takes the first command that it has for a module (libkmod), whatever is read later.
        if len(words) > 2 and words[0] == "install":
            first.setdefault(words[1].replace("-", "_"), " ".join(words[2:]))
        elif len(words) == 2 and words[0] == "blacklist":
            held[words[1].replace("-", "_")] = "blacklist"
    for name in WANTED["forbidden_modules"]:
        found = first.get(name.replace("-", "_"))
        if found not in ("/bin/false", None):
            foreign("kernel module setting", f"install {name}", "/bin/false", found)
    for name in WANTED["modules"]:
        found = first.get(name) or held.get(name)
        if found:
            foreign("kernel module setting", name, "loaded at boot", found)


@looks
def apt():
    if not os.path.exists("/etc/apt/apt.conf.d/52socle"):
        return
    values, lists = {}, {}
    for line in output("apt-config", "dump").splitlines():
        found = re.match(r'(\S+) "(.*)";$', line)
        if found and found[1].endswith("::"):
            lists.setdefault(found[1].removesuffix("::"), []).append(found[2])
        elif found:
            values[found[1]] = found[2]
    for name, allowed in WANTED["apt"].items():
        value = values.get(name, "")
        if value not in allowed:
            foreign("apt setting", name, allowed[0] or "not set", value or "not set")
    for name, wanted in WANTED["apt_lists"].items():
        for value in lists.get(name, []):
            if value not in wanted:
                foreign("apt setting", name, "; ".join(wanted) or "empty", value)
    for name, wanted in WANTED["apt_needed"].items():
        for value in set(wanted) - set(lists.get(name, [])):
            foreign("apt setting", name, value, "not set")


def section_values(name, section):
    """The last value of each setting of a section, with its file."""
    values, current = {}, ""
    for path, line in cat_config(name):
        if line.startswith("["):
            current = line
        elif current == f"[{section}]" and "=" in line:
            key, _, value = line.partition("=")
            values[key.strip()] = (value.strip(), path)
    return values


@looks
def journal_and_sessions():
    for name, section, own in (
        ("systemd/journald.conf", "Journal", WANTED["journald"]),
        ("systemd/logind.conf", "Login", WANTED["logind"]),
    ):
        values = section_values(name, section)
        for key, wanted in own.items():
            found, path = values.get(key, (wanted, ""))
            if found != wanted:
                foreign("systemd setting", path, f"{key}={wanted}", found)


@looks
def temporary_files():
    for path, line in cat_config("tmpfiles.d"):
        words = line.split()
        target = words[1].strip('"').rstrip("/*") if len(words) > 1 else ""
        ours = any(f"{target}/".startswith(f"{one}/") for one in WANTED["directories"])
        if ours:
            foreign("temporary file", path, "no line about it", line)


@looks
def log_in():
    own = "/etc/security/limits.d/60-socle.conf"
    if os.path.exists(own):
        last = {}
        for path in ["/etc/security/limits.conf", *sorted(glob.glob("/etc/security/limits.d/*.conf"))]:
            for line in lines_of(path):
                words = line.split("#")[0].split()
                if len(words) == 4:
                    kinds = ("soft", "hard") if words[1] == "-" else (words[1],)
                    for kind in kinds:
                        last[(words[0], kind, words[2])] = (words[3], path)
        limited = {(kind, item) for (_, kind, item), (_, path) in last.items() if path == own}
        for (who, kind, item), (value, path) in last.items():
            if (kind, item) in limited and path != own:
                foreign("login limit", path, "no line about it", f"{who} {kind} {item} {value}")
    for path in sorted(glob.glob("/etc/pam.d/*")):
        for line in lines_of(path):
            mask = re.search(r"pam_umask\.so.*\bumask=(\d+)", line)
            if mask and int(mask[1], 8) != 0o27:
                foreign("login", path, "umask=027", line)
            if re.match(r"-?auth\s+(sufficient|\[success=(done|ok)\b.*\])\s+\S*pam_(permit|exec)\.so", line):
                foreign("login", path, "no such line", line)


@looks
def other_files():
    for path in sorted(glob.glob("/etc/logrotate.d/*")):
        if path != "/etc/logrotate.d/socle" and "/var/log/sudo.log" in text_of(path):
            foreign("file", path, "no line about /var/log/sudo.log", "logrotate takes the first of two")
    directory = "/etc/postgresql-common/createcluster.d"
    if os.path.exists(f"{directory}/socle.conf"):
        for path in sorted(glob.glob(f"{directory}/*.conf")):
            for line in lines_of(path):
                found = re.match(r"create_main_cluster\s*=\s*(\S+)", line)
                if found and found[1].strip("'\"") not in ("false", "off", "no"):
                    foreign("file", path, "create_main_cluster = false", line)
    for path in sorted(glob.glob("/etc/audit/rules.d/*.rules")):
        for line in lines_of(path):
            # Debian's own file begins with -D, before all others.
            stops = re.match(r"-e\s*0|-a\s*(never|\w+,never)\b|-a\s*never,", line)
            if stops or (re.match(r"-D\b", line) and os.path.basename(path) != "audit.rules"):
                foreign("audit rule", path, "no such rule", line)
