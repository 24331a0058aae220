# What K3s and its network make; fail2ban's is a person's choice that only ever closes.
CLUSTER_TABLES = re.compile(r"(ip|ip6) (filter|nat|mangle|raw|kube-proxy|flannel-ipv[46])$|inet (kube-proxy|flannel)$")
CLOSING_TABLES = re.compile(r"(ip|ip6|inet) f2b-[\w-]+$")
CLUSTER_CHAINS = re.compile(r"(KUBE-|CNI-|FLANNEL-|cali-)")


def targets(expressions):
    for one in expressions:
        for word in ("jump", "goto"):
            if word in one:
                yield one[word]["target"]


@looks
def packet_filters():
    entries = json.loads(output("nft", "-j", "list", "ruleset"))["nftables"]
    strange = set()
    for table in (one["table"] for one in entries if "table" in one):
        name = f"{table['family']} {table['name']}"
        usual = name == "inet socle" or CLOSING_TABLES.match(name) or (WANTED["cluster"] and CLUSTER_TABLES.match(name))
        if not usual and name not in KNOWN:
            strange.add(name)
            foreign("nft table", name, "absent", "filters or translates packets beside Socle's")
    for rule in (one["rule"] for one in entries if "rule" in one):
        name = f"{rule['family']} {rule['table']}"
        if name in strange or not CLUSTER_TABLES.match(name) or CLUSTER_CHAINS.match(rule["chain"]):
            continue
        # K3s' rules in the chains that begin everything: a jump to a chain of its own, or the mark of one.
        expressions = rule.get("expr", [])
        if any(CLUSTER_CHAINS.match(target) for target in targets(expressions)) or "mark" in json.dumps(expressions):
            continue
        told = [json.dumps(one) for one in expressions if "counter" not in one]
        foreign("nft rule", f"{name} {rule['chain']}", "absent", " ".join(told))
    for path in ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"):
        for name in lines_of(path):
            if name and not WANTED["cluster"]:
                foreign("nft table", f"{path} {name}", "absent", "a table of the older iptables")
