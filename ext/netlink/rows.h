/* The records that a table keeps, one struct per kind of kernel object, and how attributes are read into them: walked
 * with every length checked, copied into fields of a fixed size, or put on the heap when their length is anybody's. */
#ifndef ICHOR_ROWS_H
#define ICHOR_ROWS_H

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct span { uint32_t at, size; };                       /* a piece of the heap */
struct hw { uint8_t size, bytes[32]; };                   /* link-layer address, MAX_ADDR_LEN */
struct ip { uint8_t size, bytes[16]; };                   /* 0, 4 or 16 bytes */

struct heap { uint8_t *data; size_t size, room; };

struct link_row {
    int32_t index;
    uint32_t flags, mtu, link, master, group, queue_length, vlan_id;
    uint16_t type;
    uint8_t state, carrier;
    char name[16], kind[16], slave_kind[16], qdisc[16];
    struct hw address, broadcast, permanent;
    struct span alias, names, bus, device;
};
struct address_row {
    int32_t index;
    uint32_t flags, priority, preferred, valid;
    uint8_t family, prefix, scope, protocol;
    struct ip address, local, broadcast, anycast;
    char label[16];
};
struct route_row {
    uint32_t table, priority, out, mtu, flags;
    uint8_t family, protocol, scope, type, tos, dst_prefix, src_prefix;
    struct ip dst, source, gateway;
    struct span hops;                                     /* struct hop_row, one after the other */
};
struct hop_row { uint32_t index, weight; struct ip gateway; };
struct neighbor_row {
    int32_t index;
    uint16_t state;
    uint8_t family, flags, type;
    struct ip address;
    struct hw hardware;
};
struct rule_row {
    uint32_t table, priority, mark, mask;
    uint8_t family, action, dst_prefix, src_prefix;
    struct ip dst, source;
    char in[16], out[16];
};
union any_row {
    struct link_row link;
    struct address_row address;
    struct route_row route;
    struct neighbor_row neighbor;
    struct rule_row rule;
};

struct change_row { uint16_t type; union any_row row; };  /* a notification, RTM_NEW* or RTM_DEL* */

/* Room for one more row of `size` bytes behind `count`. 0 or -ENOMEM. */
static inline int rows_grow(uint8_t **rows, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return 0;
    size_t wanted = *room * 2 + 64;
    uint8_t *grown = realloc(*rows, wanted * size);
    if (!grown)
        return -ENOMEM;
    *rows = grown;
    *room = wanted;
    return 0;
}

/* One attribute, and the walk over them: 1 while there is one, 0 at the end, -EBADMSG when a length lies. */
struct attr { uint16_t type; const uint8_t *data; uint32_t size; };

static inline int attr_next(const uint8_t **at, const uint8_t *end, struct attr *a)
{
    struct rtattr head;
    if (end - *at < (ptrdiff_t)sizeof head)
        return 0;
    memcpy(&head, *at, sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > end - *at)
        return -EBADMSG;
    a->type = head.rta_type & NLA_TYPE_MASK;
    a->data = *at + sizeof head;
    a->size = head.rta_len - sizeof head;
    ptrdiff_t step = RTA_ALIGN(head.rta_len);
    *at = step > end - *at ? end : *at + step;
    return 1;
}

static inline uint32_t attr_u32(const struct attr *a)
{
    uint32_t v = 0;
    memcpy(&v, a->data, a->size < sizeof v ? a->size : sizeof v);   /* also u8 and u16: little-endian hosts alone */
    return v;
}

static inline void attr_name(const struct attr *a, char out[16])
{
    size_t n = strnlen((const char *)a->data, a->size);
    n = n > 15 ? 15 : n;
    memcpy(out, a->data, n);
    out[n] = 0;
}

static inline void attr_hw(const struct attr *a, struct hw *out)
{
    out->size = a->size > sizeof out->bytes ? sizeof out->bytes : a->size;
    memcpy(out->bytes, a->data, out->size);
}

static inline void attr_ip(const struct attr *a, struct ip *out)
{
    out->size = a->size > sizeof out->bytes ? sizeof out->bytes : a->size;
    memcpy(out->bytes, a->data, out->size);
}

static int heap_put(struct heap *h, const void *data, size_t size, struct span *out)
{
    if (!size)
        return 0;                                         /* an empty heap has no address to copy to */
    if (h->size + size > h->room) {
        size_t room = (h->size + size) * 2;
        uint8_t *grown = realloc(h->data, room);
        if (!grown)
            return -ENOMEM;
        h->data = grown;
        h->room = room;
    }
    memcpy(h->data + h->size, data, size);
    if (!out->size)
        out->at = h->size;
    out->size += size;                                    /* pieces put in a row make one span */
    h->size += size;
    return 0;
}

static int heap_text(struct heap *h, const struct attr *a, struct span *out)
{
    out->size = 0;                                        /* the last of equal attributes counts, as everywhere */
    return heap_put(h, a->data, strnlen((const char *)a->data, a->size), out);
}

#endif
