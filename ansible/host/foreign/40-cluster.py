K3S = "/etc/rancher/k3s"
MANIFESTS = "/var/lib/rancher/k3s/server/manifests"
# What K3s writes there by itself, switched on or off.
PACKAGED = {"ccm", "coredns", "local-storage", "metrics-server", "rolebindings", "runtimes", "traefik"}


@looks
def k3s_configuration():
    if not WANTED["cluster"]:
        return
    known = {*WANTED["k3s_files"], "k3s.yaml", "config.yaml.d"}
    for path in sorted([*glob.glob(f"{K3S}/*"), *glob.glob(f"{K3S}/config.yaml.d/*")]):
        if os.path.dirname(path) == K3S and os.path.basename(path) in known:
            continue
        lines = [line for line in lines_of(path) if line and not line.startswith("#")]
        foreign("K3s configuration", path, "absent", lines[0] if lines else "an empty file")
    for path in sorted(glob.glob(f"{MANIFESTS}/**", recursive=True)):
        name = os.path.relpath(path, MANIFESTS)
        if not os.path.isfile(path) or name in WANTED["k3s_manifests"] or name.split("/")[0].split(".")[0] in PACKAGED:
            continue
        foreign("K3s configuration", path, "absent", "K3s makes what is in it, with all rights")
    containerd = "/var/lib/rancher/k3s/agent/etc/containerd"
    for path in sorted([*glob.glob(f"{containerd}/*.tmpl"), *glob.glob(f"{containerd}/config*.d/*")]):
        foreign("K3s configuration", path, "absent", "containerd reads it")


@looks
def k3s_process():
    """The arguments and the environment that the running K3s was started with."""
    if not WANTED["cluster"]:
        return
    pid = output("systemctl", "show", "--property=MainPID", "--value", "k3s.service", check=False).strip()
    if pid in ("", "0"):
        return
    words = text_of(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
    if not re.search(r"k3s server$", words):
        foreign("K3s process", "arguments", "k3s server", words)
    for line in text_of(f"/proc/{pid}/environ").split("\0"):
        if re.match(r"(K3S|CONTAINERD|LD)_\w+=", line) and not line.startswith("K3S_DATA_DIR="):
            foreign("K3s process", "environment", "not set", line.split("=")[0])
