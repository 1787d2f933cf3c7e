/* Any list of watches against any names: the table says exactly what comparing each with each says. The input
 * is lines: up to the first empty one watches ("=" in front: exact), then certificate names. */
#include "watcher/watchset.h"

#include <stdlib.h>

#include "base/dns.h"

#define WATCHES_MAX 64
#define NAMES_MAX   64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    const struct watchset *set;
    bool hit[WATCHES_MAX];
};

static void note(void *arg, const struct watch *watch)
{
    struct seen *seen = arg;
    seen->hit[watchset_place(seen->set, watch)] = true;
}

static struct span line_next(struct span *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->at, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->at);
    struct span line = span_part(*rest, 0, len);
    *rest = span_part(*rest, end == NULL ? len : len + 1, rest->len);
    return line;
}

/* Watches are in normal form when they come here: whole labels, no wildcard, no placeholder. */
static bool is_normal(struct span name)
{
    bool begin = true;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && (c != '.' || begin))
            return false;
        begin = c == '.';
    }
    return name.len != 0 && !begin && name.len <= DNS_TEXT_MAX;
}

static struct watchset *watches_read(struct span *rest)
{
    struct watch *watches = calloc(WATCHES_MAX, sizeof *watches);
    size_t count = 0;
    must(watches != NULL);
    while (rest->len != 0 && count < WATCHES_MAX) {
        struct span line = line_next(rest);
        bool exact = line.len != 0 && line.at[0] == '=';
        if (line.len == 0)
            break;
        line = span_part(line, exact, line.len);
        if (!is_normal(line))
            continue;
        watches[count] = (struct watch){.id = (int64_t)count + 1, .kind = WATCH_DNS, .exact = exact};
        watches[count].name = strndup((const char *)line.at, line.len);
        must(watches[count].name != NULL);
        count++;
    }
    struct watchset *set = watchset_new(watches, count, 1);
    must(set != NULL);
    return set;
}

/* A name with whole labels, "*" only as the first, no placeholder. */
static bool is_certain(struct span name)
{
    if (span_eq(name, SPAN_LIT("*")))
        return true;
    if (name.len > 2 && name.at[0] == '*' && name.at[1] == '.')
        name = span_part(name, 2, name.len);
    return is_normal(name);
}

/* Many names at once: the same hits as each alone. */
static void many_at_once(const struct watchset *set, const struct span *names, size_t count)
{
    struct namesift_key keys[NAMES_MAX];
    size_t key_count = 0;
    size_t key = 0;
    if (!watchset_sift(set, names, count, keys, countof(keys), &key_count))
        return;
    for (size_t n = 0; n < count; n++) {
        struct seen alone = {.set = set};
        struct seen sifted = {.set = set};
        watchset_find(set, names[n], note, &alone);
        for (; key < key_count && keys[key].name == n; key++)
            watchset_find_sifted(set, &keys[key], names[n], note, &sifted);
        must(memcmp(&alone, &sifted, sizeof alone) == 0);
    }
    must(key == key_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span names[NAMES_MAX];
    size_t name_count = 0;
    struct span rest = span_of(data, size);
    struct watchset *set = watches_read(&rest);
    for (size_t n = 0; n < NAMES_MAX && rest.len != 0; n++) {
        struct span name = line_next(&rest);
        names[name_count++] = name;
        struct seen seen = {.set = set};
        struct seen could = {.set = set};
        watchset_find(set, name, note, &seen);
        (void)watchset_find_placeholder(set, name, note, &could);
        watchset_scan(set, name, note, &could);
        watchset_find_ip(set, name, note, &could);
        for (size_t i = 0; i < watchset_count(set) && is_certain(name); i++) {
            const struct watch *watch = watchset_at(set, i);
            must(seen.hit[i] == dns_covers(name, span_str(watch->name), !watch->exact));
            must(could.hit[i] || !seen.hit[i]);
        }
    }
    many_at_once(set, names, name_count);
    watchset_unpin(set);
    return 0;
}
