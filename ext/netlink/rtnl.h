/* rtnetlink messages -> records. Owns nothing but the heap it grows; refuses every length that does not fit its message.
 * Needs no interpreter: it runs without the GIL and under a fuzzer. */
#ifndef ICHOR_RTNL_H
#define ICHOR_RTNL_H

#include "rows.h"

static int parse_info_data(const struct attr *info, struct link_row *r)
{
    const uint8_t *at = info->data, *end = at + info->size;
    struct attr a;
    int more;
    while ((more = attr_next(&at, end, &a)) == 1)
        if (a.type == IFLA_VLAN_ID)
            r->vlan_id = attr_u32(&a);
    return more;
}

static int parse_info(const struct attr *info, struct link_row *r)
{
    const uint8_t *at = info->data, *end = at + info->size;
    struct attr a;
    int more;
    while ((more = attr_next(&at, end, &a)) == 1) {
        if (a.type == IFLA_INFO_KIND)
            attr_name(&a, r->kind);
        else if (a.type == IFLA_INFO_SLAVE_KIND)
            attr_name(&a, r->slave_kind);
        else if (a.type == IFLA_INFO_DATA && !strcmp(r->kind, "vlan") && (more = parse_info_data(&a, r)) < 0)
            return more;
    }
    return more;
}

static int parse_names(const struct attr *list, struct link_row *r, struct heap *h)
{
    const uint8_t *at = list->data, *end = at + list->size;
    struct attr a;
    int more, bad;
    r->names.size = 0;
    while ((more = attr_next(&at, end, &a)) == 1)
        if (a.type == IFLA_ALT_IFNAME)
            if ((bad = heap_put(h, a.data, strnlen((const char *)a.data, a.size), &r->names)) ||
                (bad = heap_put(h, "", 1, &r->names)))
                return bad;
    return more;
}

static int parse_link_attr(const struct attr *a, struct link_row *r, struct heap *h)
{
    switch (a->type) {
    case IFLA_IFNAME: attr_name(a, r->name); break;
    case IFLA_QDISC: attr_name(a, r->qdisc); break;
    case IFLA_ADDRESS: attr_hw(a, &r->address); break;
    case IFLA_BROADCAST: attr_hw(a, &r->broadcast); break;
    case IFLA_PERM_ADDRESS: attr_hw(a, &r->permanent); break;
    case IFLA_MTU: r->mtu = attr_u32(a); break;
    case IFLA_LINK: r->link = attr_u32(a); break;
    case IFLA_MASTER: r->master = attr_u32(a); break;
    case IFLA_GROUP: r->group = attr_u32(a); break;
    case IFLA_TXQLEN: r->queue_length = attr_u32(a); break;
    case IFLA_OPERSTATE: r->state = attr_u32(a); break;
    case IFLA_CARRIER: r->carrier = attr_u32(a); break;
    case IFLA_LINKINFO: return parse_info(a, r);
    case IFLA_PROP_LIST: return parse_names(a, r, h);
    case IFLA_IFALIAS: return heap_text(h, a, &r->alias);
    case IFLA_PARENT_DEV_NAME: return heap_text(h, a, &r->device);
    case IFLA_PARENT_DEV_BUS_NAME: return heap_text(h, a, &r->bus);
    }
    return 0;
}

static int parse_link(const uint8_t *at, const uint8_t *end, struct link_row *r, struct heap *h)
{
    struct ifinfomsg head;
    struct attr a;
    int more;
    if (end - at < (ptrdiff_t)sizeof head)
        return -EBADMSG;
    memcpy(&head, at, sizeof head);
    memset(r, 0, sizeof *r);
    r->index = head.ifi_index;
    r->type = head.ifi_type;
    r->flags = head.ifi_flags;
    at += NLMSG_ALIGN(sizeof head);
    while ((more = attr_next(&at, end, &a)) == 1)
        if ((more = parse_link_attr(&a, r, h)) < 0)
            return more;
    return more;
}

static int parse_address(const uint8_t *at, const uint8_t *end, struct address_row *r)
{
    struct ifaddrmsg head;
    struct attr a;
    int more;
    if (end - at < (ptrdiff_t)sizeof head)
        return -EBADMSG;
    memcpy(&head, at, sizeof head);
    memset(r, 0, sizeof *r);
    r->family = head.ifa_family;
    r->prefix = head.ifa_prefixlen;
    r->flags = head.ifa_flags;
    r->scope = head.ifa_scope;
    r->index = head.ifa_index;
    at += NLMSG_ALIGN(sizeof head);
    while ((more = attr_next(&at, end, &a)) == 1)
        switch (a.type) {
        case IFA_ADDRESS: attr_ip(&a, &r->address); break;
        case IFA_LOCAL: attr_ip(&a, &r->local); break;
        case IFA_BROADCAST: attr_ip(&a, &r->broadcast); break;
        case IFA_ANYCAST: attr_ip(&a, &r->anycast); break;
        case IFA_LABEL: attr_name(&a, r->label); break;
        case IFA_FLAGS: r->flags = attr_u32(&a); break;
        case IFA_RT_PRIORITY: r->priority = attr_u32(&a); break;
        case IFA_PROTO: r->protocol = attr_u32(&a); break;
        case IFA_CACHEINFO:
            if (a.size >= sizeof(struct ifa_cacheinfo)) {
                memcpy(&r->preferred, a.data, 4);
                memcpy(&r->valid, a.data + 4, 4);
            }
        }
    return more;
}

/* RTA_VIA carries a gateway of another family: two bytes of family before the address. */
static inline void attr_via(struct attr *a, struct ip *out)
{
    if (a->size > 2) {
        struct attr inner = {a->type, a->data + 2, a->size - 2};
        attr_ip(&inner, out);
    }
}

static int parse_hops(const struct attr *list, struct route_row *r, struct heap *h)
{
    const uint8_t *at = list->data, *end = at + list->size;
    r->hops.size = 0;
    while (end - at >= (ptrdiff_t)sizeof(struct rtnexthop)) {
        struct rtnexthop hop;
        memcpy(&hop, at, sizeof hop);
        if (hop.rtnh_len < sizeof hop || hop.rtnh_len > end - at)
            return -EBADMSG;
        struct hop_row row = {.index = hop.rtnh_ifindex, .weight = hop.rtnh_hops + 1u};
        const uint8_t *inner = at + sizeof hop, *stop = at + hop.rtnh_len;
        struct attr a;
        int more;
        while ((more = attr_next(&inner, stop, &a)) == 1)
            if (a.type == RTA_GATEWAY)
                attr_ip(&a, &row.gateway);
            else if (a.type == RTA_VIA)
                attr_via(&a, &row.gateway);
        if (more < 0 || (more = heap_put(h, &row, sizeof row, &r->hops)) < 0)
            return more;
        ptrdiff_t step = RTNH_ALIGN(hop.rtnh_len);
        at = step > end - at ? end : at + step;
    }
    return 0;
}

static int parse_metrics(const struct attr *list, struct route_row *r)
{
    const uint8_t *at = list->data, *end = at + list->size;
    struct attr a;
    int more;
    while ((more = attr_next(&at, end, &a)) == 1)
        if (a.type == RTAX_MTU)
            r->mtu = attr_u32(&a);
    return more;
}

static int parse_route(const uint8_t *at, const uint8_t *end, struct route_row *r, struct heap *h)
{
    struct rtmsg head;
    struct attr a;
    int more, bad = 0;
    if (end - at < (ptrdiff_t)sizeof head)
        return -EBADMSG;
    memcpy(&head, at, sizeof head);
    memset(r, 0, sizeof *r);
    r->family = head.rtm_family;
    r->dst_prefix = head.rtm_dst_len;
    r->src_prefix = head.rtm_src_len;
    r->tos = head.rtm_tos;
    r->table = head.rtm_table;
    r->protocol = head.rtm_protocol;
    r->scope = head.rtm_scope;
    r->type = head.rtm_type;
    r->flags = head.rtm_flags;
    at += NLMSG_ALIGN(sizeof head);
    while ((more = attr_next(&at, end, &a)) == 1) {
        switch (a.type) {
        case RTA_DST: attr_ip(&a, &r->dst); break;
        case RTA_PREFSRC: attr_ip(&a, &r->source); break;
        case RTA_GATEWAY: attr_ip(&a, &r->gateway); break;
        case RTA_VIA: attr_via(&a, &r->gateway); break;
        case RTA_OIF: r->out = attr_u32(&a); break;
        case RTA_PRIORITY: r->priority = attr_u32(&a); break;
        case RTA_TABLE: r->table = attr_u32(&a); break;
        case RTA_METRICS: bad = parse_metrics(&a, r); break;
        case RTA_MULTIPATH: bad = parse_hops(&a, r, h); break;
        }
        if (bad < 0)
            return bad;
    }
    return more;
}

static int parse_neighbor(const uint8_t *at, const uint8_t *end, struct neighbor_row *r)
{
    struct ndmsg head;
    struct attr a;
    int more;
    if (end - at < (ptrdiff_t)sizeof head)
        return -EBADMSG;
    memcpy(&head, at, sizeof head);
    memset(r, 0, sizeof *r);
    r->family = head.ndm_family;
    r->index = head.ndm_ifindex;
    r->state = head.ndm_state;
    r->flags = head.ndm_flags;
    r->type = head.ndm_type;
    at += NLMSG_ALIGN(sizeof head);
    while ((more = attr_next(&at, end, &a)) == 1)
        if (a.type == NDA_DST)
            attr_ip(&a, &r->address);
        else if (a.type == NDA_LLADDR)
            attr_hw(&a, &r->hardware);
    return more;
}

static int parse_rule(const uint8_t *at, const uint8_t *end, struct rule_row *r)
{
    struct fib_rule_hdr head;
    struct attr a;
    int more;
    if (end - at < (ptrdiff_t)sizeof head)
        return -EBADMSG;
    memcpy(&head, at, sizeof head);
    memset(r, 0, sizeof *r);
    r->family = head.family;
    r->dst_prefix = head.dst_len;
    r->src_prefix = head.src_len;
    r->table = head.table;
    r->action = head.action;
    at += NLMSG_ALIGN(sizeof head);
    while ((more = attr_next(&at, end, &a)) == 1)
        switch (a.type) {
        case FRA_DST: attr_ip(&a, &r->dst); break;
        case FRA_SRC: attr_ip(&a, &r->source); break;
        case FRA_IIFNAME: attr_name(&a, r->in); break;
        case FRA_OIFNAME: attr_name(&a, r->out); break;
        case FRA_TABLE: r->table = attr_u32(&a); break;
        case FRA_PRIORITY: r->priority = attr_u32(&a); break;
        case FRA_FWMARK: r->mark = attr_u32(&a); break;
        case FRA_FWMASK: r->mask = attr_u32(&a); break;
        }
    return more;
}

/* Parses one message by its type; 1 a row, 0 a type that is none of ours, or -errno. */
static int parse_row(uint16_t type, const uint8_t *at, const uint8_t *end, union any_row *r, struct heap *h)
{
    int bad = 0;
    switch (type) {
    case RTM_NEWLINK: case RTM_DELLINK: bad = parse_link(at, end, &r->link, h); break;
    case RTM_NEWADDR: case RTM_DELADDR: bad = parse_address(at, end, &r->address); break;
    case RTM_NEWROUTE: case RTM_DELROUTE: bad = parse_route(at, end, &r->route, h); break;
    case RTM_NEWNEIGH: case RTM_DELNEIGH: bad = parse_neighbor(at, end, &r->neighbor); break;
    case RTM_NEWRULE: case RTM_DELRULE: bad = parse_rule(at, end, &r->rule); break;
    default: return 0;
    }
    return bad < 0 ? bad : 1;
}

static inline size_t row_size(uint16_t type)
{
    switch (type) {
    case RTM_NEWLINK: return sizeof(struct link_row);
    case RTM_NEWADDR: return sizeof(struct address_row);
    case RTM_NEWROUTE: return sizeof(struct route_row);
    case RTM_NEWNEIGH: return sizeof(struct neighbor_row);
    case RTM_NEWRULE: return sizeof(struct rule_row);
    }
    return 0;
}

/* What the kernel answered: the code and, from the extended ack, its sentence and the offset it complains of. */
struct verdict { int code; uint32_t offset; char text[192]; };

static void parse_verdict(const struct nlmsghdr *m, const uint8_t *end, struct verdict *v)
{
    const uint8_t *at = (const uint8_t *)NLMSG_DATA(m);
    struct nlmsgerr head;
    struct attr a;
    memset(v, 0, sizeof *v);
    if (end - at < (ptrdiff_t)sizeof(int))
        return;
    memcpy(&v->code, at, sizeof(int));
    if (m->nlmsg_type == NLMSG_DONE)
        at += NLMSG_ALIGN(sizeof(int));
    else if (end - at < (ptrdiff_t)sizeof head)
        return;
    else {
        memcpy(&head, at, sizeof head);
        at += sizeof head;
        if (!(m->nlmsg_flags & NLM_F_CAPPED) && head.msg.nlmsg_len >= sizeof head.msg) {
            uint32_t echoed = NLMSG_ALIGN(head.msg.nlmsg_len - sizeof head.msg);
            at = echoed > end - at ? end : at + echoed;
        }
    }
    if (!(m->nlmsg_flags & NLM_F_ACK_TLVS))
        return;
    while (attr_next(&at, end, &a) == 1)
        if (a.type == NLMSGERR_ATTR_MSG) {
            size_t n = strnlen((const char *)a.data, a.size);
            n = n < sizeof v->text - 1 ? n : sizeof v->text - 1;
            memcpy(v->text, a.data, n);
        } else if (a.type == NLMSGERR_ATTR_OFFS)
            v->offset = attr_u32(&a);
}

#endif
