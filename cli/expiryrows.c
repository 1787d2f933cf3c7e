#include "cli/expiryrows.h"

#include <stdlib.h>

#include <arpa/inet.h>

#include "base/dns.h"
#include "base/limits.h"
#include "db/dbkey.h"
#include "watcher/watchset.h"

bool expiryrows_wide(const struct watch *watch)
{
    for (size_t i = 0; i < watch_item_count(watch); i++) {
        const struct watch_item *item = watch_item(watch, i);
        struct span name = span_str(item->name);
        if (item->kind == WATCH_IP || item->kind == WATCH_EMAIL || item->kind == WATCH_URI)
            return true;
        if (item->kind == WATCH_DNS && !item->exact &&
            (dns_is_public_suffix(name) || dns_may_have_suffix_below(name)))
            return true;
    }
    return false;
}

static int expiryrows_by_key(const void *left, const void *right)
{
    const struct expiryrows_place *a = left;
    const struct expiryrows_place *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->watch->id < b->watch->id ? -1 : a->watch->id > b->watch->id;
}

struct expiryrows_place *expiryrows_places(const struct watch *watches, size_t watch_count, size_t *count)
{
    size_t most = 0;
    size_t used = 0;
    size_t kept = 0;
    for (size_t i = 0; i < watch_count; i++)
        most += watch_item_count(&watches[i]);
    struct expiryrows_place *places = calloc(most + 1, sizeof *places);
    must(places != NULL);
    for (size_t i = 0; i < watch_count; i++) {
        const struct watch *watch = &watches[i];
        for (size_t k = 0; !expiryrows_wide(watch) && k < watch_item_count(watch); k++) {
            const struct watch_item *item = watch_item(watch, k);
            struct span apex = item->kind == WATCH_DNS ? dns_apex(span_str(item->name)) : SPAN_NONE;
            if (apex.len != 0)
                places[used++] = (struct expiryrows_place){dbkey_apex8(apex), watch};
        }
    }
    if (used != 0)
        qsort(places, used, sizeof *places, expiryrows_by_key);
    for (size_t i = 0; i < used; i++)
        if (i == 0 || expiryrows_by_key(&places[i], &places[kept - 1]) != 0)
            places[kept++] = places[i];
    *count = kept;
    return places;
}

struct renewal_cert expiryrows_cert(const struct db_renewal_row *row)
{
    struct renewal_cert cert = {
        .life = {row->not_before, row->not_after}, .names = row->names, .issuer = row->issuer};
    memcpy(cert.tbs_fp, row->tbs_fp, 32);
    memcpy(cert.name_set, row->name_set, 32);
    memcpy(cert.spki, row->spki, 32);
    return cert;
}

static void expiryrows_append(struct expiryrows *rows, const struct db_renewal_page *page)
{
    size_t more = db_renewal_count(page);
    rows->certs = reallocarray(rows->certs, rows->count + more + 1, sizeof *rows->certs);
    must(rows->certs != NULL);
    for (size_t i = 0; i < more; i++) {
        struct db_renewal_row row;
        db_renewal_get(page, i, &row);
        rows->certs[rows->count++] = expiryrows_cert(&row);
    }
}

/* The one with more names first: it has what is no DNS name as well. */
static int expiryrows_by_fp(const void *left, const void *right)
{
    const struct renewal_cert *a = left;
    const struct renewal_cert *b = right;
    int order = memcmp(a->tbs_fp, b->tbs_fp, 32);
    return order != 0 ? order : a->names.len > b->names.len ? -1 : a->names.len < b->names.len;
}

/* A certificate is found by several keys. */
static void expiryrows_unique(struct expiryrows *rows)
{
    size_t kept = 0;
    if (rows->count != 0)
        qsort(rows->certs, rows->count, sizeof *rows->certs, expiryrows_by_fp);
    for (size_t i = 0; i < rows->count; i++)
        if (i == 0 || memcmp(rows->certs[i].tbs_fp, rows->certs[kept - 1].tbs_fp, 32) != 0)
            rows->certs[kept++] = rows->certs[i];
    rows->count = kept;
}

static void expiryrows_hit(void *arg, const struct watch *watch)
{
    bool *hit = arg;
    (void)watch;
    *hit = true;
}

/* "ip:192.0.2.7" */
static bool expiryrows_concerns(const struct watchset *set, struct span word)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t ip[16];
    bool hit = false;
    const uint8_t *colon = memchr(word.at, ':', word.len);
    must(colon != NULL);
    struct span value = span_part(word, (size_t)(colon - word.at) + 1, word.len);
    if (span_starts(word, SPAN_LIT("email:"))) {
        watchset_find_email(set, value, expiryrows_hit, &hit);
    } else if (span_starts(word, SPAN_LIT("uri:"))) {
        watchset_find_uri(set, value, expiryrows_hit, &hit);
    } else if (value.len < sizeof text) {
        memcpy(text, value.at, value.len);
        text[value.len] = '\0';
        size_t len = inet_pton(AF_INET, text, ip) == 1 ? 4 : inet_pton(AF_INET6, text, ip) == 1 ? 16 : 0;
        if (len != 0)
            watchset_find_ip(set, span_of(ip, len), expiryrows_hit, &hit);
    }
    return hit;
}

/* In place: the words that are left are moved together, in memory of our own. */
static void expiryrows_keep_own(const struct watchset *set, struct renewal_cert *cert, uint8_t **at)
{
    struct span left = cert->names;
    struct span word;
    uint8_t *begin = *at;
    while (dbkey_next_name(&left, &word)) {
        bool marked = word.at[0] == DB_RENEWAL_MORE_MARK;
        if (marked && !expiryrows_concerns(set, span_part(word, 1, word.len)))
            continue;
        if (*at != begin)
            *(*at)++ = ' ';
        memcpy(*at, word.at, word.len);
        *at += word.len;
    }
    cert->names = span_of(begin, (size_t)(*at - begin));
}

static enum err_code expiryrows_own(const struct watch *watch, struct expiryrows *rows, struct err *why)
{
    struct watch *copy = calloc(1, sizeof *copy);
    size_t bytes = 1;
    must(copy != NULL);
    if (!watch_copy(watch, copy)) {
        free(copy);
        return err_set(why, ERR_MEMORY, "no memory for a look at certificates that run out");
    }
    struct watchset *set = watchset_new(copy, 1, 0);
    for (size_t i = 0; i < rows->count; i++)
        bytes += rows->certs[i].names.len;
    rows->words = malloc(bytes);
    must(set != NULL && rows->words != NULL);
    uint8_t *at = rows->words;
    for (size_t i = 0; i < rows->count; i++)
        expiryrows_keep_own(set, &rows->certs[i], &at);
    watchset_unpin(set);
    return ERR_OK;
}

static size_t expiryrows_keys(const struct watch *watch, int64_t keys[LIMIT_EXPIRY_KEYS])
{
    size_t count = 0;
    for (size_t i = 0; i < watch_item_count(watch) && count < LIMIT_EXPIRY_KEYS; i++) {
        const struct watch_item *item = watch_item(watch, i);
        struct span apex = item->kind == WATCH_DNS ? dns_apex(span_str(item->name)) : SPAN_NONE;
        if (apex.len != 0)
            keys[count++] = dbkey_apex8(apex);
    }
    return count;
}

enum err_code expiryrows_load(struct pgconn *conn, const struct watch *watch, int64_t since,
                              struct expiryrows *rows, struct err *why)
{
    int64_t keys[LIMIT_EXPIRY_KEYS];
    size_t count = expiryrows_keys(watch, keys);
    bool full = false;
    *rows = (struct expiryrows){.count = 0};
    enum err_code code =
        db_renewal_more_hits(conn, watch->id, since, LIMIT_EXPIRY_ROWS, &rows->pages[0], &rows->full, why);
    if (code == ERR_OK && count != 0)
        code = db_renewal_load(conn, keys, count, since, LIMIT_EXPIRY_ROWS, &rows->pages[1], &full, why);
    for (size_t i = 0; code == ERR_OK && i < EXPIRYROWS_PAGES; i++)
        if (rows->pages[i] != NULL)
            expiryrows_append(rows, rows->pages[i]);
    expiryrows_unique(rows);
    if (code == ERR_OK)
        code = expiryrows_own(watch, rows, why);
    if (code != ERR_OK)
        expiryrows_free(rows);
    return code;
}

/* Those about these entries: of all there may be more than are asked with. */
static struct db_renewal_doubt *expiryrows_doubts(const struct expiryrows_narrow *what, size_t *count)
{
    struct db_renewal_doubt *own = calloc(what->doubt_count + 1, sizeof *own);
    size_t at = 0;
    must(own != NULL);
    *count = 0;
    for (size_t i = 0; i < what->doubt_count; i++) {
        while (at < what->place_count && what->places[at].watch->id < what->doubts[i].domain_id)
            at++;
        if (at < what->place_count && what->places[at].watch->id == what->doubts[i].domain_id)
            own[(*count)++] = what->doubts[i];
    }
    return own;
}

/* The most days before the end at which one of these entries wants to be told. */
static int expiryrows_days(const struct expiryrows_narrow *what)
{
    int most = LIMIT_EXPIRY_FIRST_DAYS;
    for (size_t at = 0; at < what->place_count; at++)
        for (size_t i = 0; i < what->places[at].watch->expiry_count; i++)
            if (what->places[at].watch->expiry_days[i] > most)
                most = what->places[at].watch->expiry_days[i];
    return most;
}

enum err_code expiryrows_narrow(struct pgconn *conn, const struct expiryrows_narrow *what,
                                struct expiryrows *rows, struct err *why)
{
    const struct watch *watch = what->places[0].watch;
    const bool wide = expiryrows_wide(watch);
    struct db_renewal_more_narrow narrow = {
        .domain_id = wide ? watch->id : 0,
        .key = what->places[0].key,
        .since = what->now - LIMIT_EXPIRY_DAYS * INT64_C(86400),
        .over = what->now - LIMIT_EXPIRY_OVER_S,
        .until = what->now + expiryrows_days(what) * INT64_C(86400),
    };
    *rows = (struct expiryrows){.count = 0};
    for (size_t i = 0; !wide && i < watch_item_count(watch) && narrow.apex.len == 0; i++) {
        const struct watch_item *item = watch_item(watch, i);
        struct span apex = item->kind == WATCH_DNS ? dns_apex(span_str(item->name)) : SPAN_NONE;
        if (apex.len != 0 && dbkey_apex8(apex) == narrow.key)
            narrow.apex = apex;
    }
    struct db_renewal_doubt *doubts = expiryrows_doubts(what, &narrow.doubt_count);
    narrow.doubts = doubts;
    enum err_code code =
        db_renewal_more_narrow(conn, &narrow, LIMIT_EXPIRY_ROWS, &rows->pages[0], &rows->full, why);
    free(doubts);
    if (code != ERR_OK)
        return code;
    expiryrows_append(rows, rows->pages[0]);
    expiryrows_unique(rows);
    if (wide)
        code = expiryrows_own(watch, rows, why);
    if (code != ERR_OK)
        expiryrows_free(rows);
    return code;
}

static void expiryrows_keep_listed(const struct blocklist *list, struct db_renewal_more_place *after,
                                   struct expiryrows *rows)
{
    size_t kept = 0;
    if (rows->count != 0) {
        const struct renewal_cert *last = &rows->certs[rows->count - 1];
        after->not_after = last->life.not_after;
        memcpy(after->tbs_fp, last->tbs_fp, 32);
    }
    for (size_t i = 0; i < rows->count; i++)
        if (blocklist_find_spki(list, rows->certs[i].spki) != NULL)
            rows->certs[kept++] = rows->certs[i];
    rows->count = kept;
}

enum err_code expiryrows_listed(struct pgconn *conn, const struct expiryrows_place *place,
                                const struct blocklist *list, struct db_renewal_more_place *after,
                                struct expiryrows *rows, struct err *why)
{
    const bool wide = expiryrows_wide(place->watch);
    const struct db_renewal_more_narrow what = {.domain_id = wide ? place->watch->id : 0, .key = place->key};
    *rows = (struct expiryrows){.count = 0};
    enum err_code code =
        db_renewal_more_page(conn, &what, after, LIMIT_EXPIRY_ROWS, &rows->pages[0], &rows->full, why);
    if (code != ERR_OK)
        return code;
    expiryrows_append(rows, rows->pages[0]);
    expiryrows_keep_listed(list, after, rows);
    expiryrows_unique(rows);
    if (wide)
        code = expiryrows_own(place->watch, rows, why);
    if (code != ERR_OK)
        expiryrows_free(rows);
    return code;
}

void expiryrows_free(struct expiryrows *rows)
{
    for (size_t i = 0; i < EXPIRYROWS_PAGES; i++)
        db_renewal_free(rows->pages[i]);
    free(rows->certs);
    free(rows->words);
    *rows = (struct expiryrows){.count = 0};
}
