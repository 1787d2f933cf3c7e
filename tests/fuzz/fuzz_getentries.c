/* The decoder, by every way of base64, against a slow reader of its own kind: plain recursive descent, one
 * character at a time, base64 after the string is complete. Both accept the same texts and give the same
 * bytes. And against Jansson with libcrypto, where these accept the text. */
#include <stdlib.h>

#include "parser/getentries.h"
#include "tests/fuzz/byjansson.h"
#include "tests/fuzz/inside.h"

#define ITEMS_MAX 16

struct slow {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
    struct {
        uint8_t *bytes[2];
        size_t len[2];
    } items[ITEMS_MAX];
    size_t count;
};

static int peek(struct slow *slow)
{
    while (slow->at < slow->end && memchr(" \t\r\n", *slow->at, 4) != NULL)
        slow->at++;
    return slow->at < slow->end ? *slow->at : -1;
}

static bool eat(struct slow *slow, int c)
{
    if (slow->bad || peek(slow) != c)
        return false;
    slow->at++;
    return true;
}

static void need(struct slow *slow, int c)
{
    if (!eat(slow, c))
        slow->bad = true;
}

/* The string as code points; its quote is next. Returns NULL on failure. */
static uint32_t *slow_string(struct slow *slow, size_t *len)
{
    uint32_t *out = malloc(((size_t)(slow->end - slow->at) + 1) * sizeof *out);
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    must(out != NULL);
    *len = 0;
    need(slow, '"');
    while (!slow->bad) {
        if (slow->at == slow->end || *slow->at < 0x20) {
            slow->bad = true;
            break;
        }
        uint32_t c = *slow->at++;
        if (c == '"')
            return out;
        if (c == '\\') {
            const char *found = slow->at < slow->end && *slow->at != 0 ? strchr(from, *slow->at) : NULL;
            if (found != NULL) {
                c = (uint32_t)(unsigned char)to[found - from];
                slow->at++;
            } else if (slow->end - slow->at >= 5 && *slow->at == 'u') {
                char hex[5] = {0};
                char *stop;
                memcpy(hex, slow->at + 1, 4);
                if (strspn(hex, "0123456789abcdefABCDEF") != 4)
                    slow->bad = true;
                c = (uint32_t)strtoul(hex, &stop, 16);
                slow->at += 5;
            } else {
                slow->bad = true;
            }
        }
        out[(*len)++] = c;
    }
    free(out);
    return NULL;
}

static bool equals(const uint32_t *text, size_t len, const char *what)
{
    if (text == NULL || len != strlen(what))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != (unsigned char)what[i])
            return false;
    }
    return true;
}

static void slow_value(struct slow *slow, unsigned depth);

static void slow_list(struct slow *slow, unsigned depth, int close)
{
    size_t len;

    if (eat(slow, close))
        return;
    if (depth == 64)
        slow->bad = true;
    while (!slow->bad) {
        if (close == '}') {
            free(slow_string(slow, &len));
            need(slow, ':');
        }
        slow_value(slow, depth + 1);
        if (eat(slow, close))
            return;
        need(slow, ',');
    }
}

static void slow_digits(struct slow *slow)
{
    const uint8_t *begin = slow->at;
    while (slow->at < slow->end && *slow->at >= '0' && *slow->at <= '9')
        slow->at++;
    if (slow->at == begin)
        slow->bad = true;
}

static bool exact(struct slow *slow, const char *set)
{
    if (slow->at == slow->end || *slow->at == 0 || strchr(set, *slow->at) == NULL)
        return false;
    slow->at++;
    return true;
}

static void slow_value(struct slow *slow, unsigned depth)
{
    static const char *const words[] = {"true", "false", "null"};
    int c = slow->bad ? -1 : peek(slow);
    size_t len;

    if (c == '{' || c == '[') {
        slow->at++;
        slow_list(slow, depth, c + 2);
    } else if (c == '"') {
        free(slow_string(slow, &len));
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        (void)exact(slow, "-");
        if (!exact(slow, "0"))
            slow_digits(slow);
        if (!slow->bad && exact(slow, "."))
            slow_digits(slow);
        if (!slow->bad && exact(slow, "eE")) {
            (void)exact(slow, "+-");
            slow_digits(slow);
        }
    } else {
        for (size_t i = 0; i < 3; i++) {
            len = strlen(words[i]);
            if ((size_t)(slow->end - slow->at) >= len && memcmp(slow->at, words[i], len) == 0) {
                slow->at += len;
                return;
            }
        }
        slow->bad = true;
    }
}

/* A string that is no base64 leaves the member without bytes. */
static void slow_base64(struct slow *slow, size_t member)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len;
    uint32_t *text = slow_string(slow, &len);
    uint8_t *out = malloc(len + 1);
    bool base64 = text != NULL && len % 4 == 0;
    size_t pad = 0;

    must(out != NULL);
    while (base64 && pad < 2 && pad < len && text[len - 1 - pad] == '=')
        pad++;
    uint32_t word = 0;
    for (size_t i = 0; base64 && i < len; i++) {
        bool ascii = text[i] != 0 && text[i] < 128;
        const char *found = i >= len - pad ? set : ascii ? strchr(set, (int)text[i]) : NULL;
        base64 = found != NULL;
        word = word << 6 | (uint32_t)(found == NULL ? 0 : found - set);
        if (i % 4 == 3) {
            uint8_t three[3] = {(uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word};
            memcpy(out + i / 4 * 3, three, 3);
        }
    }
    slow->items[slow->count].len[member] = len / 4 * 3 - pad;
    if (base64)
        slow->items[slow->count].bytes[member] = out;
    else
        free(out);
    free(text);
}

static void slow_member(struct slow *slow, bool given[2])
{
    size_t len;
    uint32_t *name = slow_string(slow, &len);
    size_t member = equals(name, len, "leaf_input") ? 0 : equals(name, len, "extra_data") ? 1 : 2;

    free(name);
    need(slow, ':');
    if (slow->bad)
        return;
    if (member == 2 || given[member] || peek(slow) != '"')
        slow_value(slow, 0);
    else
        slow_base64(slow, member);
    if (member == 2)
        return;
    /* Given twice: as if not given. */
    if (given[member]) {
        free(slow->items[slow->count].bytes[member]);
        slow->items[slow->count].bytes[member] = NULL;
    }
    given[member] = true;
}

static void slow_item(struct slow *slow)
{
    bool given[2] = {false, false};

    if (slow->count == ITEMS_MAX || peek(slow) != '{') {
        slow_value(slow, 0);
        slow->count += slow->count < ITEMS_MAX;
        return;
    }
    need(slow, '{');
    if (!eat(slow, '}')) {
        do
            slow_member(slow, given);
        while (!slow->bad && eat(slow, ','));
        need(slow, '}');
    }
    slow->count++;
}

static void slow_reply(struct slow *slow)
{
    bool seen = false;

    need(slow, '{');
    while (!slow->bad) {
        size_t len;
        uint32_t *name = slow_string(slow, &len);
        bool entries = equals(name, len, "entries");
        free(name);
        need(slow, ':');
        if (slow->bad)
            return;
        if (!entries) {
            slow_value(slow, 0);
        } else if (seen) {
            slow->bad = true;
        } else if (peek(slow) == 'n') {
            seen = true;
            slow_value(slow, 0);
        } else {
            seen = true;
            need(slow, '[');
            if (!slow->bad && !eat(slow, ']')) {
                do
                    slow_item(slow);
                while (!slow->bad && eat(slow, ','));
                need(slow, ']');
            }
        }
        if (eat(slow, '}'))
            break;
        need(slow, ',');
    }
    if (!seen || peek(slow) != -1)
        slow->bad = true;
}

static void same(struct span got, const uint8_t *bytes, size_t len)
{
    must((got.at == NULL) == (bytes == NULL));
    must(got.at == NULL || span_eq(got, span_of(bytes, len)));
}

static void compare(const struct slow *slow, struct span text, struct arena *arena, enum base64_way way)
{
    struct getentries_item items[ITEMS_MAX];
    struct getentries_page page = {items, ITEMS_MAX, 0};
    struct err why = {0};
    enum err_code code = getentries_decode_by(way, text, arena, &page, &why);

    must((code == ERR_OK) == !slow->bad);
    must(code == ERR_OK || (page.count == 0 && why.text[0] != '\0'));
    must(code != ERR_OK || page.count == slow->count);
    for (size_t i = 0; code == ERR_OK && i < page.count; i++) {
        same(items[i].leaf_input, slow->items[i].bytes[0], slow->items[i].len[0]);
        same(items[i].extra_data, slow->items[i].bytes[1], slow->items[i].len[1]);
        must(items[i].leaf_input.at == NULL || items[i].leaf_input.at[-1] == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct slow slow = {.at = data, .end = data + size};

    if (arena.base == NULL)
        must(arena_init(&arena, 16u << 20));
    slow_reply(&slow);
    for (unsigned way = 0; way < BASE64_WAYS; way++) {
        arena_reset(&arena, 1u << 20);
        if (base64_way_found((enum base64_way)way))
            compare(&slow, span_of(data, size), &arena, (enum base64_way)way);
    }
    byjansson_check(span_of(data, size), &arena);
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        free(slow.items[i].bytes[0]);
        free(slow.items[i].bytes[1]);
    }
    return 0;
}
