#include "db/historykeys.h"

#include <stdlib.h>

#include "base/dns.h"
#include "db/dbkey.h"
#include "db/others.h"

#define KEYS_SPECIAL 2

bool historykeys_init(struct historykeys *keys, const struct watch *watches, size_t count)
{
    size_t slots = 8;
    *keys = (struct historykeys){.room = KEYS_SPECIAL};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < watch_item_count(&watches[i]); k++)
            keys->room += 1 + dns_labels(span_str(watch_item(&watches[i], k)->name));
    must(keys->room < UINT32_MAX / 4);
    while (slots < 2 * keys->room)
        slots *= 2;
    keys->mask = slots - 1;
    keys->at = calloc(keys->room, sizeof *keys->at);
    keys->slots = calloc(slots, sizeof *keys->slots);
    if (keys->at != NULL && keys->slots != NULL)
        return true;
    historykeys_fini(keys);
    return false;
}

void historykeys_fini(struct historykeys *keys)
{
    free(keys->at);
    free(keys->slots);
    *keys = (struct historykeys){.room = 0};
}

/* A key is a part of a hash: its bits are spread already. */
void historykeys_add(struct historykeys *keys, int64_t key)
{
    size_t slot = (size_t)key & keys->mask;
    while (keys->slots[slot] != 0) {
        if (keys->at[keys->slots[slot] - 1] == key)
            return;
        slot = (slot + 1) & keys->mask;
    }
    must(keys->count < keys->room);
    keys->at[keys->count++] = key;
    keys->slots[slot] = (uint32_t)keys->count;
}

void historykeys_add_special(struct historykeys *keys)
{
    historykeys_add(keys, dbkey_apex8(SPAN_LIT(DBKEY_PLACEHOLDER)));
    historykeys_add(keys, 0);
}

/* The domain's own key, and those of every domain above it: a wildcard there may cover it. */
static void add_dns_keys(struct historykeys *keys, struct span name)
{
    for (size_t at = 0; at < name.len; at++) {
        if (at != 0 && name.at[at - 1] != '.')
            continue;
        struct span apex = dns_apex(span_part(name, at, name.len));
        if (apex.len != 0)
            historykeys_add(keys, dbkey_apex8(apex));
    }
}

/* What stands behind the kind in the name of an item is a host, or holds one. */
static void add_host_key(struct historykeys *keys, const char *prefix, const struct watch_item *item,
                         struct span (*host_of)(struct span whole))
{
    uint8_t key[OTHERS_KEY_MAX];
    struct span whole = span_str(item->name + strlen(prefix));
    struct span host = host_of(whole);
    size_t len = others_host_key(prefix, host.len != 0 ? host : whole, key);
    if (len != 0)
        historykeys_add(keys, dbkey_apex8(span_of(key, len)));
}

void historykeys_add_item(struct historykeys *keys, const struct watch_item *item)
{
    if (item->kind == WATCH_DNS)
        add_dns_keys(keys, span_str(item->name));
    else if (item->kind == WATCH_EMAIL)
        add_host_key(keys, "email:", item, others_email_host);
    else if (item->kind == WATCH_URI)
        add_host_key(keys, "uri:", item, others_uri_where);
    else if (item->kind == WATCH_ORG)
        historykeys_add(keys, dbkey_apex8(span_str(item->name)));
}

void historykeys_add_watch(struct historykeys *keys, const struct watch *watch)
{
    for (size_t i = 0; i < watch_item_count(watch); i++)
        historykeys_add_item(keys, watch_item(watch, i));
}
