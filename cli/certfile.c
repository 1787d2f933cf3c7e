#include "cli/certfile.h"

#include <ctype.h>
#include <jansson.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/pem.h"
#include "cli/pkcs7.h"
#include "ingest/examine.h"
#include "ingest/gunzip.h"
#include "parser/getentries.h"
#include "parser/json.h"
#include "parser/leaf.h"

#define ENTRIES_MAX 65536 /* of one reply; logs send 1,024 at most */

struct walk {
    struct arena *arena;
    certfile_show *show;
    void *arg;
    struct certplace place;
    struct err *why;
};

static void walk_bytes(struct walk *walk, struct span bytes);

/* "FILE: PEM block 2 (CERTIFICATE): " and what is wrong there. The first one is kept. */
static void complain(struct walk *walk, enum err_code code, const char *what, const char *advice)
{
    struct buf text;

    buf_init(&text, 4096);
    certplace_text(&walk->place, &text);
    (void)err_set(walk->why, code, "%s: %s%s%s", buf_text(&text), what, advice == NULL ? "" : "; ",
                  advice == NULL ? "" : advice);
    buf_fini(&text);
}

static void *room(struct walk *walk, size_t size)
{
    void *memory = arena_take(walk->arena, size, 1);

    if (memory == NULL)
        complain(walk, ERR_TOO_BIG, "too big", NULL);
    return memory;
}

static bool push(struct walk *walk, enum sniff kind)
{
    if (walk->place.depth == CERTPLACE_DEPTH) {
        complain(walk, ERR_FORMAT, "packed too many times", "unpack it");
        return false;
    }
    walk->place.layer[walk->place.depth++] = (struct certplace_layer){kind, 0, SPAN_NONE};
    return true;
}

static void pop(struct walk *walk)
{
    walk->place.depth--;
}

static void number(struct walk *walk, unsigned at)
{
    walk->place.layer[walk->place.depth - 1].number = at;
}

static void show(struct walk *walk, struct certview view)
{
    walk->place.count++;
    view.place = &walk->place;
    walk->show(walk->arg, &view);
}

static void walk_certificate(struct walk *walk, struct span der)
{
    struct issuance issuance;
    struct cert cert;
    uint8_t sha256[32];
    size_t mark = arena_mark(walk->arena);

    (void)examine_certificate(der, walk->arena, &cert, &issuance, sha256);
    show(walk, (struct certview){.cert = &cert, .issuance = &issuance, .sha256 = sha256});
    arena_rewind(walk->arena, mark);
}

static void walk_tbs(struct walk *walk, struct span der)
{
    struct issuance issuance;
    struct cert cert;
    size_t mark = arena_mark(walk->arena);

    examine_tbs(der, walk->arena, &cert, &issuance);
    show(walk, (struct certview){.cert = &cert, .issuance = &issuance});
    arena_rewind(walk->arena, mark);
}

/* A SEQUENCE that begins with another: what stands behind a certificate and is none may begin with any byte.
 */
static bool is_certificate(struct span bytes)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(bytes, &ignored);
    struct der_item item;

    return der_next(&in, &item) && item.tag == DER_SEQUENCE && item.value.len != 0 &&
           item.value.at[0] == DER_SEQUENCE && sniff_bytes(item.whole) == SNIFF_CERTIFICATE;
}

/* One after the other, as some tools write chains. What follows the last one and is none stays with it, and
 * becomes a finding. */
static void walk_certificates(struct walk *walk, struct span bytes)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(bytes, &ignored);
    struct der_item item;
    unsigned count = 0;

    for (;;) {
        const uint8_t *begin = in.at;
        bool more = der_next(&in, &item) && is_certificate(span_of(in.at, der_left(&in)));
        if (more || count != 0)
            number(walk, ++count);
        if (!more) {
            walk_certificate(walk, span_of(begin, (size_t)(bytes.at + bytes.len - begin)));
            return;
        }
        walk_certificate(walk, item.whole);
    }
}

static void walk_pkcs7(struct walk *walk, struct span bytes)
{
    struct pkcs7 pkcs7;
    struct span der;
    unsigned count = 0;

    pkcs7_init(&pkcs7, bytes);
    while (pkcs7_next(&pkcs7, &der)) {
        number(walk, ++count);
        if (!push(walk, SNIFF_CERTIFICATE))
            return;
        walk_certificate(walk, der);
        pop(walk);
    }
    number(walk, 0);
    if (pkcs7.damaged)
        complain(walk, ERR_FORMAT, "cut off or damaged", "there may be more certificates in it");
    else if (count == 0)
        complain(walk, ERR_FORMAT, "there is no certificate in it", NULL);
}

static void walk_entry(struct walk *walk, struct entry *entry)
{
    size_t mark = arena_mark(walk->arena);

    examine_entry(entry, walk->arena);
    bool has_sha256 = entry->kind == ENTRY_X509 || (entry->unverified_precert.len != 0 &&
                                                    !finding_has(&entry->findings, FINDING_PRECERT_MISMATCH));
    show(walk, (struct certview){.cert = &entry->cert,
                                 .issuance = &entry->issuance,
                                 .sha256 = has_sha256 ? entry->sighting.sha256 : NULL,
                                 .entry = entry});
    arena_rewind(walk->arena, mark);
}

/* A leaf_input needs a zero byte in front (ingest/examine.h). */
static void walk_leaf(struct walk *walk, struct span leaf)
{
    struct entry entry = {.kind = ENTRY_OPAQUE};
    uint8_t *copy = room(walk, leaf.len + 1);

    if (copy == NULL)
        return;
    copy[0] = 0;
    memcpy(copy + 1, leaf.at, leaf.len);
    leaf_read(span_of(copy + 1, leaf.len), &entry);
    walk_entry(walk, &entry);
}

/* The tile does not say where it stands; its first entry does. */
static uint64_t tile_start(struct cur tile, uint8_t *leaf, size_t size)
{
    struct entry entry = {.kind = ENTRY_OPAQUE};

    return leaf_read_tile(&tile, leaf, size, &entry) && entry.leaf_index >= 0 ? (uint64_t)entry.leaf_index
                                                                              : 0;
}

static void walk_tile(struct walk *walk, struct span tile)
{
    struct cur cur = cur_of(tile);
    size_t size = leaf_tile_room(&cur);
    uint8_t *leaf = room(walk, size + 1);
    char text[64];

    if (leaf == NULL)
        return;
    leaf[0] = 0;
    uint64_t start = tile_start(cur, leaf + 1, size);
    for (unsigned i = 0; cur_left(&cur) != 0; i++) {
        struct entry entry = {.kind = ENTRY_OPAQUE, .index = start + i};
        if (!leaf_read_tile(&cur, leaf + 1, size, &entry)) {
            number(walk, 0);
            (void)snprintf(text, sizeof text, "not one from byte %zu of %zu on", (size_t)(cur.at - tile.at),
                           tile.len);
            complain(walk, ERR_FORMAT, text, NULL);
            return;
        }
        number(walk, i + 1);
        walk_entry(walk, &entry);
    }
}

static void walk_items(struct walk *walk, const struct getentries_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct entry entry = {.kind = ENTRY_OPAQUE};
        number(walk, (unsigned)i + 1);
        if (items[i].leaf_input.at == NULL) {
            complain(walk, ERR_FORMAT, "its leaf_input is missing or not base64", NULL);
            continue;
        }
        leaf_read(items[i].leaf_input, &entry);
        leaf_read_extra(items[i].extra_data, &entry);
        walk_entry(walk, &entry);
    }
}

static void walk_get_entries(struct walk *walk, struct span text)
{
    struct getentries_item *items = arena_zeroed(walk->arena, ENTRIES_MAX + 1, sizeof *items);
    struct err first = {0};
    size_t count = 0;

    text = sniff_unmarked(text);
    if (items == NULL)
        complain(walk, ERR_TOO_BIG, "too big", NULL);
    else if (getentries_decode(text, walk->arena, items, ENTRIES_MAX + 1, &count, &first) != ERR_OK)
        complain(walk, first.code, first.text, NULL);
    else if (count == 0)
        complain(walk, ERR_FORMAT, "there is no entry in it", NULL);
    if (first.code != ERR_OK || items == NULL)
        return;
    walk_items(walk, items, count < ENTRIES_MAX ? count : ENTRIES_MAX);
    if (count > ENTRIES_MAX) {
        number(walk, 0);
        complain(walk, ERR_TOO_BIG, "more than 65536 entries, only those were read", NULL);
    }
}

/* The object alone, as get-entry-and-proof gives it, with a list put around it. */
static bool walk_object(struct walk *walk, struct span object, unsigned place)
{
    static const char head[] = "{\"entries\":[";
    struct getentries_item item = {SPAN_NONE, SPAN_NONE};
    struct err why = {0};
    size_t len = object.len + sizeof head - 1 + 2;
    uint8_t *wrapped = room(walk, len);
    size_t count = 0;

    if (wrapped == NULL)
        return false;
    must(object.at != NULL);
    memcpy(wrapped, head, sizeof head - 1);
    memcpy(wrapped + sizeof head - 1, object.at, object.len);
    memcpy(wrapped + len - 2, "]}", 2);
    if (getentries_decode(span_of(wrapped, len), walk->arena, &item, 1, &count, &why) != ERR_OK ||
        count == 0) {
        number(walk, place);
        complain(walk, why.code == ERR_OK ? ERR_FORMAT : why.code, why.code == ERR_OK ? "no entry" : why.text,
                 NULL);
        return false;
    }
    walk_items(walk, &item, 1);
    return true;
}

/* One, or one a line. */
static void walk_objects(struct walk *walk, struct span text)
{
    struct span left = sniff_trim(text);

    for (unsigned place = 1; left.len != 0; place++) {
        struct json json = json_of(left);
        size_t mark = arena_mark(walk->arena);
        if (!json_skip(&json)) {
            number(walk, place);
            complain(walk, ERR_FORMAT, "not JSON", NULL);
            return;
        }
        size_t len = (size_t)(json.at - left.at);
        if (!walk_object(walk, span_part(left, 0, len), place))
            return;
        arena_rewind(walk->arena, mark);
        left = sniff_trim(span_part(left, len, left.len));
    }
}

static void walk_root(struct walk *walk, const json_t *value)
{
    size_t mark = arena_mark(walk->arena);
    size_t len = json_string_length(value);
    uint8_t *der = room(walk, len + 1);

    if (der == NULL)
        return;
    if (!json_is_string(value) || !text_unbase64(span_of(json_string_value(value), len), der, len + 1, &len))
        complain(walk, ERR_FORMAT, "not base64", NULL);
    else if (push(walk, SNIFF_CERTIFICATE)) {
        walk_certificate(walk, span_of(der, len));
        pop(walk);
    }
    arena_rewind(walk->arena, mark);
}

static void walk_get_roots(struct walk *walk, struct span text)
{
    struct span trimmed = sniff_trim(text);
    json_error_t error;
    json_t *reply = json_loadb((const char *)trimmed.at, trimmed.len, 0, &error);
    const json_t *list = json_object_get(reply, "certificates");

    if (reply == NULL)
        complain(walk, ERR_FORMAT, error.text, NULL);
    else if (json_array_size(list) == 0)
        complain(walk, ERR_FORMAT, "there is no certificate in it", NULL);
    for (size_t i = 0; i < json_array_size(list); i++) {
        number(walk, (unsigned)i + 1);
        walk_root(walk, json_array_get(list, i));
    }
    json_decref(reply);
}

static bool is_one_thing(struct span bytes)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(bytes, &ignored);
    struct entry leaf = {.kind = ENTRY_OPAQUE};
    struct der_item item;

    if (der_next(&in, &item) && item.tag == DER_SEQUENCE)
        return der_done(&in);
    leaf_read(bytes, &leaf);
    return leaf.kind != ENTRY_OPAQUE && !finding_has(&leaf.findings, FINDING_LEAF_TRAILING);
}

static bool walk_base64_part(struct walk *walk, struct span text, uint8_t *out)
{
    size_t len;

    if (!pem_decode(text, out, &len)) {
        complain(walk, ERR_FORMAT, "not base64 to its end", NULL);
        return false;
    }
    walk_bytes(walk, span_of(out, len));
    return true;
}

static struct span first_line(struct span text)
{
    const uint8_t *end = text.len == 0 ? NULL : memchr(text.at, '\n', text.len);

    return end == NULL ? text : span_of(text.at, (size_t)(end - text.at));
}

/* Broken into lines, or one thing on each line: then the first line alone is something whole. */
static void walk_base64(struct walk *walk, struct span text)
{
    struct span left = sniff_trim(text);
    struct span line = first_line(left);
    uint8_t *out = room(walk, left.len + ARENA_PADDING);
    size_t len = 0;

    if (out == NULL)
        return;
    if (line.len == left.len || !pem_decode(line, out, &len) || !is_one_thing(span_of(out, len))) {
        (void)walk_base64_part(walk, left, out);
        return;
    }
    for (unsigned i = 1; left.len != 0; i++) {
        line = first_line(left);
        number(walk, i);
        (void)walk_base64_part(walk, line, out);
        left = sniff_trim(span_part(left, line.len, left.len));
    }
}

static void walk_hex(struct walk *walk, struct span text)
{
    struct span digits = sniff_digits(text);
    uint8_t *packed = room(walk, digits.len + ARENA_PADDING);
    size_t len = 0;

    if (packed == NULL)
        return;
    for (size_t i = 0; i < digits.len; i++) {
        if (isxdigit(digits.at[i]))
            packed[len++] = digits.at[i];
    }
    /* In place: each byte is written behind the two digits that it came from. */
    must(text_unhex(span_of(packed, len), packed, len / 2));
    memset(packed + len / 2, 0, digits.len + ARENA_PADDING - len / 2);
    walk_bytes(walk, span_of(packed, len / 2));
}

static void walk_gzip(struct walk *walk, struct span bytes)
{
    struct gunzip *gunzip = gunzip_new();
    struct err why = {0};
    struct span out = SPAN_NONE;

    must(gunzip != NULL);
    if (gunzip_run(gunzip, bytes, walk->arena, LIMIT_JSON_BYTES, &out, &why) != ERR_OK)
        complain(walk, why.code, why.text, NULL);
    else
        walk_bytes(walk, out);
    /* What came out before the damage is shown all the same; the complaint stands. */
    out = gunzip_salvage(gunzip);
    if (out.len != 0)
        walk_bytes(walk, out);
    gunzip_free(gunzip);
}

/* The label says what it is; behind a TRUSTED CERTIFICATE stand OpenSSL's settings for it. */
static void walk_block(struct walk *walk, const struct pem_block *block)
{
    struct finding_set ignored = {{0, 0}};
    size_t mark = arena_mark(walk->arena);
    struct der_item item;
    size_t len;
    uint8_t *der = room(walk, block->body.len + 1);

    if (der == NULL)
        return;
    bool good = pem_decode(block->body, der, &len) && (!block->cut || is_one_thing(span_of(der, len)));
    if (block->cut)
        complain(walk, ERR_FORMAT, "cut off: it has no END line", NULL);
    else if (!good)
        complain(walk, ERR_FORMAT, "not base64", NULL);
    if (good) {
        struct der in = der_of(span_of(der, len), &ignored);
        struct span whole = span_of(der, len);
        enum sniff kind = sniff_der(whole);
        if (span_eq(block->label, SPAN_LIT("TRUSTED CERTIFICATE")) && der_next(&in, &item))
            whole = item.whole;
        if (kind != SNIFF_PKCS7 && kind != SNIFF_TBS)
            kind = SNIFF_CERTIFICATE;
        if (push(walk, kind)) {
            if (kind == SNIFF_PKCS7)
                walk_pkcs7(walk, whole);
            else if (kind == SNIFF_TBS)
                walk_tbs(walk, whole);
            else
                walk_certificate(walk, whole);
            pop(walk);
        }
    }
    arena_rewind(walk->arena, mark);
}

static void walk_pem(struct walk *walk, struct span text)
{
    struct certplace_layer *layer = &walk->place.layer[walk->place.depth - 1];
    struct pem pem = pem_of(text);
    struct pem_block block;
    enum sniff first = SNIFF_COUNT;
    unsigned wanted = 0;

    while (pem_next(&pem, &block)) {
        enum sniff kind = sniff_label(block.label);
        layer->number++;
        if (first == SNIFF_COUNT) {
            first = kind;
            layer->label = block.label;
        }
        if (kind != SNIFF_CERTIFICATE && kind != SNIFF_PKCS7)
            continue;
        wanted++;
        layer->label = block.label;
        walk_block(walk, &block);
    }
    if (wanted != 0)
        return;
    layer->number = 1;
    complain(walk, ERR_FORMAT, first == SNIFF_UNKNOWN ? "no certificate" : sniff_sentence(first),
             sniff_advice(first));
}

/* Every row of sniff.def that has no advice. */
static void walk_kind(struct walk *walk, enum sniff kind, struct span bytes)
{
    static void (*const walks[SNIFF_COUNT])(struct walk *, struct span) = {
        [SNIFF_CERTIFICATE] = walk_certificates,
        [SNIFF_TBS] = walk_tbs,
        [SNIFF_PKCS7] = walk_pkcs7,
        [SNIFF_PEM] = walk_pem,
        [SNIFF_BASE64] = walk_base64,
        [SNIFF_HEX] = walk_hex,
        [SNIFF_GZIP] = walk_gzip,
        [SNIFF_GET_ENTRIES] = walk_get_entries,
        [SNIFF_GET_ROOTS] = walk_get_roots,
        [SNIFF_ENTRY] = walk_objects,
        [SNIFF_LEAF] = walk_leaf,
        [SNIFF_DATA_TILE] = walk_tile,
    };

    must(walks[kind] != NULL);
    walks[kind](walk, bytes);
}

static void walk_bytes(struct walk *walk, struct span bytes)
{
    enum sniff kind = sniff_bytes(bytes);
    size_t mark = arena_mark(walk->arena);

    if (sniff_advice(kind) != NULL) {
        complain(walk, ERR_FORMAT, sniff_sentence(kind), sniff_advice(kind));
        return;
    }
    if (!push(walk, kind))
        return;
    walk_kind(walk, kind, bytes);
    pop(walk);
    arena_rewind(walk->arena, mark);
}

enum err_code certfile_walk(const char *file, struct span bytes, struct arena *arena, certfile_show *shows,
                            void *arg, struct err *why)
{
    struct err unasked = {0};
    struct walk walk = {.arena = arena, .show = shows, .arg = arg, .why = why == NULL ? &unasked : why};

    walk.place.file = file;
    walk_bytes(&walk, bytes);
    return walk.why->code;
}
