#include "parser/getentries.h"

#include "parser/base64.h"
#include "parser/json.h"

/* The reply is one object with the array "entries", whose objects have two base64 strings. Names and strings
 * as logs write them are recognised by a memcmp and decoded by base64_decode_run; the first byte that does
 * not fit goes to the general reader of parser/json.h, which continues from there with the same result. */

struct decode {
    struct json json;
    uint8_t *out;
    struct getentries_item *items;
    size_t items_max;
    size_t count;
    bool bad_text; /* the string being read is no base64 */
};

/* Three of four digits or two, then padding: the last group of the text. Its spare bits are ignored, as every
 * decoder that logs use does. */
static uint8_t *last_group(struct decode *decode, const int32_t c[4])
{
    uint8_t *out = decode->out;
    int digit[4] = {0, 0, 0, 0};
    size_t pad = c[3] == '=' ? (c[2] == '=' ? 2 : 1) : 0;

    for (size_t i = 0; i < 4 - pad; i++) {
        digit[i] = c[i] > 0x7f ? -1 : base64_digit((uint8_t)c[i]);
        if (digit[i] < 0) {
            decode->bad_text = true;
            return out;
        }
    }
    uint32_t word = (uint32_t)(digit[0] << 18 | digit[1] << 12 | digit[2] << 6 | digit[3]);
    *out++ = (uint8_t)(word >> 16);
    if (pad < 2)
        *out++ = (uint8_t)(word >> 8);
    if (pad < 1)
        *out++ = (uint8_t)word;
    return out;
}

/* Groups that hold an escape or padding, up to the closing quote or to a place where the fast way may go on.
 */
static bool slow_groups(struct decode *decode)
{
    int32_t c[4];

    for (size_t i = 0; i < 4; i++) {
        c[i] = json_char(&decode->json);
        if (c[i] >= 0)
            continue;
        /* The quote may stand only where a group would begin. */
        if (i != 0)
            decode->bad_text = true;
        return false;
    }
    decode->out = last_group(decode, c);
    if (c[3] != '=' && !decode->bad_text)
        return true;
    /* To the closing quote; digits behind the padding are no base64. */
    while (json_char(&decode->json) >= 0)
        decode->bad_text = true;
    return false;
}

/* A base64 string whose opening quote is consumed, closing quote included; absent when it is none. */
static struct span base64_string(struct decode *decode, bool leaf)
{
    uint8_t *begin = decode->out;

    decode->bad_text = false;
    if (leaf)
        *decode->out++ = 0;
    do
        decode->out = base64_decode_run(&decode->json.at, decode->json.end, decode->out);
    while (slow_groups(decode));
    if (!decode->bad_text)
        return span_of(begin + leaf, (size_t)(decode->out - begin) - leaf);
    decode->out = begin;
    return SPAN_NONE;
}

static bool take(struct json *json, const char *text, size_t len)
{
    if ((size_t)(json->end - json->at) < len || memcmp(json->at, text, len) != 0)
        return false;
    json->at += len;
    return true;
}

enum member { MEMBER_LEAF, MEMBER_EXTRA, MEMBER_UNKNOWN };

/* A member name whose opening quote is consumed. */
static enum member member_name(struct json *json)
{
    struct json again = *json;

    if (take(json, "leaf_input\"", 11))
        return MEMBER_LEAF;
    if (take(json, "extra_data\"", 11))
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

static void read_item(struct decode *decode)
{
    struct json *json = &decode->json;
    struct getentries_item item = {SPAN_NONE, SPAN_NONE};
    struct seen seen = {false, false};

    if (decode->count == decode->items_max) {
        (void)json_skip(json);
        return;
    }
    bool object = json_punct(json, '{');
    if (!object)
        (void)json_skip(json);
    if (object && !json_punct(json, '}')) {
        do
            read_member(decode, &item, &seen);
        while (!json->failed && json_punct(json, ','));
        (void)(json->failed || json_expect(json, '}'));
    }
    if (!json->failed)
        decode->items[decode->count++] = item;
}

static void read_entries(struct decode *decode)
{
    struct json *json = &decode->json;

    /* Go writes an empty list as null. */
    json_white(json);
    if (take(json, "null", 4))
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

bool getentries_scan(struct span json, uint8_t *out, struct getentries_item *items, size_t items_max,
                     size_t *count, size_t *end)
{
    struct decode decode = {json_of(json), out, items, items_max, 0, false};

    read_reply(&decode);
    *count = decode.json.failed ? 0 : decode.count;
    *end = decode.json.failed ? (size_t)(decode.json.at - json.at) : (size_t)(decode.out - out);
    return !decode.json.failed;
}

enum err_code getentries_decode(struct span json, struct arena *arena, struct getentries_item *items,
                                size_t items_max, size_t *count, struct err *why)
{
    size_t room = getentries_room(json.len);
    size_t mark = arena_mark(arena);
    uint8_t *out = arena_take(arena, room, 1);
    size_t end;

    *count = 0;
    if (out == NULL)
        return err_set(why, ERR_TOO_BIG, "get-entries: a reply of %zu bytes does not fit into memory",
                       json.len);
    if (!getentries_scan(json, out, items, items_max, count, &end)) {
        arena_rewind(arena, mark);
        return err_set(why, ERR_FORMAT, "get-entries: not the JSON of a reply, at byte %zu of %zu", end,
                       json.len);
    }
    /* What was reserved and not needed goes back. */
    arena_rewind(arena, arena_mark(arena) - (room - end));
    return ERR_OK;
}
