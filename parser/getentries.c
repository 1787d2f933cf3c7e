#include "parser/getentries.h"

#include <endian.h>

#include "parser/json.h"

#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The reply is one object with the array "entries", whose objects have two base64 strings. Names and strings
 * as logs write them are recognised by a memcmp and decoded by parser/base64.h; the first byte that does not
 * fit goes to the general reader of parser/json.h, which continues from there with the same result. */

struct decode {
    struct json json;
    base64_runner *run;
    uint8_t *out;
    struct getentries_item *items;
    size_t items_max;
    size_t count;
    bool bad_text; /* the string being read is no base64 */
};

/* One group of digits of which one is an escaped slash, as some writers of JSON do: every 64th digit is one.
 * Nobody can predict its place in the group, so there is no branch for it. False: it is something else,
 * nothing has moved. */
static bool slashed_group(struct decode *decode)
{
    uint64_t text = 0;
    uint8_t group[4];

    if (decode->json.end - decode->json.at < 8)
        return false;
    memcpy(&text, decode->json.at, sizeof text);
    text = le64toh(text);
    /* The highest bits of bytes that are a backslash; in the first of them it is exact. */
    uint64_t zero = text ^ EIGHT('\\');
    zero = (zero - EIGHT(1)) & ~zero & EIGHT(0x80);
    if ((uint32_t)zero == 0)
        return false;
    uint64_t before = ((zero & (~zero + 1)) >> 7) - 1;
    uint64_t rest = text >> 8 & ~before;
    if ((rest & (before + 1) * 0xff) != (before + 1) * '/')
        return false;
    uint32_t digits = htole32((uint32_t)((text & before) | rest));
    memcpy(group, &digits, sizeof group);
    if (base64_decode_group(group, decode->out) != 3)
        return false;
    decode->json.at += 5;
    decode->out += 3;
    return true;
}

/* One group that holds another escape or padding, or the closing quote; true when the fast way may go on. */
static bool slow_group(struct decode *decode)
{
    uint8_t group[4];

    for (size_t i = 0; i < sizeof group; i++) {
        int32_t c = json_char(&decode->json);
        if (c < 0) {
            /* The quote may stand only where a group would begin. */
            decode->bad_text = i != 0;
            return false;
        }
        group[i] = c > 0x7f ? 0 : (uint8_t)c;
    }
    size_t len = base64_decode_group(group, decode->out);
    decode->out += len;
    if (len == 3)
        return true;
    decode->bad_text = len == 0;
    /* To the closing quote; digits behind the padding are no base64. */
    while (json_char(&decode->json) >= 0)
        decode->bad_text = true;
    return false;
}

/* The usual end of a string, at a place where a group would begin: the quote, or padding and the quote. The
 * bytes of the padding come without a branch, because no predictor knows how much of it comes next. */
static bool usual_end(struct decode *decode)
{
    const uint8_t *at = decode->json.at;

    if (decode->json.end - at < 5)
        return false;
    bool quote = *at == '"';
    size_t len = base64_decode_group(at, decode->out);
    if (!quote && (len == 0 || at[4] != '"'))
        return false;
    decode->out += quote ? 0 : len;
    decode->json.at += quote ? 1 : 5;
    return true;
}

/* A base64 string whose opening quote is consumed, closing quote included; absent when it is none. */
static struct span base64_string(struct decode *decode, bool leaf)
{
    uint8_t *begin = decode->out;

    decode->bad_text = false;
    if (leaf)
        *decode->out++ = 0;
    do
        decode->out = decode->run(&decode->json.at, decode->json.end, decode->out);
    while (!usual_end(decode) && (slashed_group(decode) || slow_group(decode)));
    if (!decode->bad_text)
        return span_of(begin + leaf, (size_t)(decode->out - begin) - leaf);
    decode->out = begin;
    return SPAN_NONE;
}

static inline bool take(struct json *json, const char *text, size_t len)
{
    if ((size_t)(json->end - json->at) < len || memcmp(json->at, text, len) != 0)
        return false;
    json->at += len;
    return true;
}

/* As long as the compiler knows the length, this is no call. */
#define TAKE(json, text) take((json), (text), sizeof(text) - 1)

enum member { MEMBER_LEAF, MEMBER_EXTRA, MEMBER_UNKNOWN };

/* A member name whose opening quote is consumed. */
static enum member member_name(struct json *json)
{
    struct json again = *json;

    if (TAKE(json, "leaf_input\""))
        return MEMBER_LEAF;
    if (TAKE(json, "extra_data\""))
        return MEMBER_EXTRA;
    if (json_string_is(json, "leaf_input"))
        return MEMBER_LEAF;
    /* The second question needs the name from its start; the failure of the first, if any, is met again. */
    *json = again;
    return json_string_is(json, "extra_data") ? MEMBER_EXTRA : MEMBER_UNKNOWN;
}

/* What is known of an entry while its members come. */
struct seen {
    bool leaf;
    bool extra;
};

static void read_member(struct decode *decode, struct getentries_item *item, struct seen *seen)
{
    struct json *json = &decode->json;

    if (!json_expect(json, '"'))
        return;
    enum member member = member_name(json);
    if (json->failed || !json_expect(json, ':'))
        return;
    if (member == MEMBER_UNKNOWN) {
        (void)json_skip(json);
        return;
    }
    bool leaf = member == MEMBER_LEAF;
    bool *before = leaf ? &seen->leaf : &seen->extra;
    struct span *target = leaf ? &item->leaf_input : &item->extra_data;
    /* A member given twice would let two readers see two different entries. */
    *target = SPAN_NONE;
    if (*before || !json_punct(json, '"'))
        (void)json_skip(json);
    else
        *target = base64_string(decode, leaf);
    *before = true;
}

/* Members from the one that is next, and the closing bracket. */
static void read_members(struct decode *decode, struct getentries_item *item, struct seen *seen)
{
    struct json *json = &decode->json;

    do
        read_member(decode, item, seen);
    while (!json->failed && json_punct(json, ','));
    (void)(json->failed || json_expect(json, '}'));
}

/* An entry as logs write it; true when it is complete. Otherwise something else follows what was taken. */
static bool usual_item(struct decode *decode, struct getentries_item *item, struct seen *seen)
{
    struct json *json = &decode->json;

    item->leaf_input = base64_string(decode, true);
    seen->leaf = true;
    if (json->failed || !TAKE(json, ",\"extra_data\":\""))
        return false;
    item->extra_data = base64_string(decode, false);
    seen->extra = true;
    return !json->failed && TAKE(json, "}");
}

static void read_object(struct decode *decode, struct getentries_item *item)
{
    struct json *json = &decode->json;
    struct seen seen = {false, false};

    if (TAKE(json, "{\"leaf_input\":\"")) {
        if (usual_item(decode, item, &seen))
            return;
        if (json_punct(json, ','))
            read_members(decode, item, &seen);
        else
            (void)json_expect(json, '}');
    } else if (!json_punct(json, '{')) {
        (void)json_skip(json);
    } else if (!json_punct(json, '}')) {
        read_members(decode, item, &seen);
    }
}

static void read_item(struct decode *decode)
{
    struct json *json = &decode->json;
    struct getentries_item item = {SPAN_NONE, SPAN_NONE};

    if (decode->count == decode->items_max) {
        (void)json_skip(json);
        return;
    }
    read_object(decode, &item);
    if (!json->failed)
        decode->items[decode->count++] = item;
}

static void read_entries(struct decode *decode)
{
    struct json *json = &decode->json;

    /* Go writes an empty list as null. */
    json_white(json);
    if (TAKE(json, "null"))
        return;
    if (!json_expect(json, '[') || json_punct(json, ']'))
        return;
    do
        read_item(decode);
    while (!json->failed && json_punct(json, ','));
    if (!json->failed)
        (void)json_expect(json, ']');
}

static void read_reply(struct decode *decode)
{
    struct json *json = &decode->json;
    bool seen = false;

    if (!json_expect(json, '{'))
        return;
    do {
        if (!json_expect(json, '"'))
            return;
        bool entries = json_string_is(json, "entries");
        if (json->failed || !json_expect(json, ':'))
            return;
        if (!entries) {
            (void)json_skip(json);
        } else if (seen) {
            json->failed = true;
        } else {
            seen = true;
            read_entries(decode);
        }
    } while (!json->failed && json_punct(json, ','));
    if (json->failed || !json_expect(json, '}'))
        return;
    json_white(json);
    if (!seen || json->at != json->end)
        json->failed = true;
}

/* Three bytes of four digits, and one byte in front of each leaf, which costs at least 15 characters. */
size_t getentries_room(size_t json_len)
{
    return json_len / 4 * 3 + json_len / 15 + BASE64_SLOP + 4;
}

static bool scan(base64_runner *run, struct span json, uint8_t *out, struct getentries_page *page,
                 size_t *end)
{
    struct decode decode = {json_of(json), run, out, page->items, page->items_max, 0, false};

    read_reply(&decode);
    page->count = decode.json.failed ? 0 : decode.count;
    *end = decode.json.failed ? (size_t)(decode.json.at - json.at) : (size_t)(decode.out - out);
    return !decode.json.failed;
}

bool getentries_scan(struct span json, uint8_t *out, struct getentries_item *items, size_t items_max,
                     size_t *count, size_t *end)
{
    struct getentries_page page = {items, items_max, 0};
    bool good = scan(base64_way_runner(base64_way_best()), json, out, &page, end);

    *count = page.count;
    return good;
}

enum err_code getentries_decode_by(enum base64_way way, struct span json, struct arena *arena,
                                   struct getentries_page *page, struct err *why)
{
    size_t room = getentries_room(json.len);
    size_t mark = arena_mark(arena);
    uint8_t *out = arena_take(arena, room, 1);
    size_t end;

    page->count = 0;
    if (out == NULL)
        return err_set(why, ERR_TOO_BIG, "get-entries: a reply of %zu bytes does not fit into memory",
                       json.len);
    if (!scan(base64_way_runner(way), json, out, page, &end)) {
        arena_rewind(arena, mark);
        return err_set(why, ERR_FORMAT, "get-entries: not the JSON of a reply, at byte %zu of %zu", end,
                       json.len);
    }
    /* What was reserved and not needed goes back. */
    arena_rewind(arena, arena_mark(arena) - (room - end));
    return ERR_OK;
}

enum err_code getentries_decode(struct span json, struct arena *arena, struct getentries_item *items,
                                size_t items_max, size_t *count, struct err *why)
{
    struct getentries_page page = {items, items_max, 0};
    enum err_code code = getentries_decode_by(base64_way_best(), json, arena, &page, why);

    *count = page.count;
    return code;
}
