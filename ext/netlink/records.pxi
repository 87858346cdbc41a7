# C records -> the tuples of ext.netlink.types. Part of socket.pyx, which includes it; nothing else may.


cdef inline str text(const char *at):
    return at.decode("utf-8", "replace")


cdef inline bytes raw_ip(const r.ip *a):
    return (<const char *>a.bytes)[:a.size]


cdef inline bytes raw_hw(const r.hw *a):
    return (<const char *>a.bytes)[:a.size]


cdef inline bytes piece(const r.heap *h, r.span s):
    return (<const char *>h.data)[s.at:s.at + s.size] if s.size else b""


cdef object link_record(const r.link_row *k, const r.heap *h):
    names = piece(h, k.names).decode("utf-8", "replace")
    return Link._make((
        k.index, text(k.name), k.type, k.flags, k.mtu, k.link, k.master, k.group, k.queue_length, k.state,
        k.carrier != 0, text(k.kind), text(k.slave_kind), text(k.qdisc), k.vlan_id, raw_hw(&k.address),
        raw_hw(&k.broadcast), raw_hw(&k.permanent), piece(h, k.alias).decode("utf-8", "replace"),
        tuple(names.split("\0")[:-1]), piece(h, k.bus).decode("utf-8", "replace"),
        piece(h, k.device).decode("utf-8", "replace"),
    ))


cdef object address_record(const r.address_row *k):
    return Address._make((
        k.index, k.family, k.prefix, k.scope, k.flags, k.protocol, k.priority, k.preferred, k.valid,
        raw_ip(&k.address), raw_ip(&k.local), raw_ip(&k.broadcast), raw_ip(&k.anycast), text(k.label),
    ))


cdef tuple hop_records(const r.route_row *k, const r.heap *h):
    cdef r.hop_row hop
    cdef uint32_t at
    hops = []
    for at in range(k.hops.at, k.hops.at + k.hops.size, sizeof(r.hop_row)):
        memcpy(&hop, h.data + at, sizeof(hop))
        hops.append(Hop(hop.index, hop.weight, raw_ip(&hop.gateway)))
    return tuple(hops)


cdef object route_record(const r.route_row *k, const r.heap *h):
    return Route._make((
        k.family, raw_ip(&k.dst), k.dst_prefix, k.src_prefix, raw_ip(&k.source), raw_ip(&k.gateway), k.out, k.table,
        k.priority, k.protocol, k.scope, k.type, k.flags, k.tos, k.mtu, hop_records(k, h) if k.hops.size else (),
    ))


cdef object neighbor_record(const r.neighbor_row *k):
    return Neighbor(k.index, k.family, k.state, k.flags, k.type, raw_ip(&k.address), raw_hw(&k.hardware))


cdef object rule_record(const r.rule_row *k):
    return Rule._make((
        k.family, raw_ip(&k.dst), k.dst_prefix, raw_ip(&k.source), k.src_prefix, k.table, k.priority, k.action,
        k.mark, k.mask, text(k.input), text(k.output),
    ))


cdef object record(uint16_t type, const r.any_row *row, const r.heap *h):
    if type == r.RTM_NEWLINK or type == r.RTM_DELLINK:
        return link_record(&row.link, h)
    if type == r.RTM_NEWADDR or type == r.RTM_DELADDR:
        return address_record(&row.address)
    if type == r.RTM_NEWROUTE or type == r.RTM_DELROUTE:
        return route_record(&row.route, h)
    if type == r.RTM_NEWNEIGH or type == r.RTM_DELNEIGH:
        return neighbor_record(&row.neighbor)
    return rule_record(&row.rule)
