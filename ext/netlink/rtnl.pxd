"""The C half: records, their parsers, and the little of the socket interface that they are read with."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t


cdef extern from "rtnl.h" nogil:
    struct span:
        uint32_t at
        uint32_t size

    struct hw:
        uint8_t size
        uint8_t bytes[32]

    struct ip:
        uint8_t size
        uint8_t bytes[16]

    struct heap:
        uint8_t *data
        size_t size
        size_t room

    struct link_row:
        int32_t index
        uint32_t flags, mtu, link, master, group, queue_length, vlan_id
        uint16_t type
        uint8_t state, carrier
        char name[16]
        char kind[16]
        char slave_kind[16]
        char qdisc[16]
        hw address, broadcast, permanent
        span alias, names, bus, device

    struct address_row:
        int32_t index
        uint32_t flags, priority, preferred, valid
        uint8_t family, prefix, scope, protocol
        ip address, local, broadcast, anycast
        char label[16]

    struct route_row:
        uint32_t table, priority, out, mtu, flags
        uint8_t family, protocol, scope, type, tos, dst_prefix, src_prefix
        ip dst, source, gateway
        span hops

    struct hop_row:
        uint32_t index, weight
        ip gateway

    struct neighbor_row:
        int32_t index
        uint16_t state
        uint8_t family, flags, type
        ip address
        hw hardware

    struct rule_row:
        uint32_t table, priority, mark, mask
        uint8_t family, action, dst_prefix, src_prefix
        ip dst, source
        char input "in" [16]
        char output "out" [16]

    union any_row:
        link_row link
        address_row address
        route_row route
        neighbor_row neighbor
        rule_row rule

    struct change_row:
        uint16_t type
        any_row row
    struct verdict:
        int code
        uint32_t offset
        char text[192]

    struct nlmsghdr:
        uint32_t nlmsg_len
        uint16_t nlmsg_type
        uint16_t nlmsg_flags
        uint32_t nlmsg_seq
        uint32_t nlmsg_pid

    int parse_row(uint16_t type, const uint8_t *at, const uint8_t *end, any_row *row, heap *text)
    int rows_grow(uint8_t **rows, size_t *room, size_t count, size_t size)
    size_t row_size(uint16_t type)
    void parse_verdict(const nlmsghdr *message, const uint8_t *end, verdict *out)

    int NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE, NLMSG_OVERRUN
    int NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR
    int RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR
    int RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH
    int RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE
