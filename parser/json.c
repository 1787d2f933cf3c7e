#include "parser/json.h"

void json_white(struct json *json)
{
    while (json->at != json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r'))
        json->at++;
}

bool json_punct(struct json *json, char c)
{
    if (!json->failed && json->at != json->end && *json->at == (uint8_t)c) {
        json->at++;
        return true;
    }
    json_white(json);
    if (json->failed || json->at == json->end || *json->at != (uint8_t)c)
        return false;
    json->at++;
    return true;
}

bool json_expect(struct json *json, char c)
{
    if (!json_punct(json, c))
        json->failed = true;
    return !json->failed;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int32_t unicode_escape(struct json *json)
{
    int32_t code = 0;

    for (int i = 0; i < 4; i++) {
        int digit = json->at == json->end ? -1 : hex_digit(*json->at);
        if (digit < 0) {
            json->failed = true;
            return -1;
        }
        code = code * 16 + digit;
        json->at++;
    }
    return code;
}

static int32_t escape(struct json *json)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";

    if (json->at == json->end || *json->at == '\0') {
        json->failed = true;
        return -1;
    }
    uint8_t c = *json->at++;
    if (c == 'u')
        return unicode_escape(json);
    const char *found = strchr(from, c);
    if (found == NULL) {
        json->failed = true;
        return -1;
    }
    return to[found - from];
}

int32_t json_char_odd(struct json *json)
{
    if (json->failed || json->at == json->end || *json->at < 0x20) {
        json->failed = true;
        return -1;
    }
    return *json->at++ == '"' ? -1 : escape(json);
}

bool json_string_is(struct json *json, const char *name)
{
    bool same = true;
    int32_t c;

    while ((c = json_char(json)) >= 0) {
        same = same && *name != '\0' && c == (unsigned char)*name;
        if (same)
            name++;
    }
    return same && *name == '\0' && !json->failed;
}

#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Does one of eight bytes end or fail a string, or begin an escape? Subtracting borrows first in a byte that
 * is zero (where XOR has made a quote or a backslash zero) or below 0x20, and in no byte before one. */
static inline bool any_odd(uint64_t eight)
{
    uint64_t quote = eight ^ EIGHT('"');
    uint64_t backslash = eight ^ EIGHT('\\');
    uint64_t low = ((quote - EIGHT(1)) & ~quote) | ((backslash - EIGHT(1)) & ~backslash) |
                   ((eight - EIGHT(0x20)) & ~eight);

    return (low & EIGHT(0x80)) != 0;
}

static void skip_string(struct json *json)
{
    uint64_t eight = 0;

    do {
        for (; json->end - json->at >= (ptrdiff_t)sizeof eight; json->at += sizeof eight) {
            memcpy(&eight, json->at, sizeof eight);
            if (any_odd(eight))
                break;
        }
    } while (json_char(json) >= 0);
}

static void skip_digits(struct json *json)
{
    const uint8_t *begin = json->at;

    while (json->at != json->end && *json->at >= '0' && *json->at <= '9')
        json->at++;
    if (json->at == begin)
        json->failed = true;
}

static bool next_is(const struct json *json, char a, char b)
{
    return json->at != json->end && (*json->at == (uint8_t)a || *json->at == (uint8_t)b);
}

static void skip_number(struct json *json)
{
    if (next_is(json, '-', '-'))
        json->at++;
    if (next_is(json, '0', '0'))
        json->at++;
    else
        skip_digits(json);
    if (!json->failed && next_is(json, '.', '.')) {
        json->at++;
        skip_digits(json);
    }
    if (!json->failed && next_is(json, 'e', 'E')) {
        json->at++;
        if (next_is(json, '+', '-'))
            json->at++;
        skip_digits(json);
    }
}

static void skip_word(struct json *json)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < countof(words); i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(json->end - json->at) >= len && memcmp(json->at, words[i], len) == 0) {
            json->at += len;
            return;
        }
    }
    json->failed = true;
}

/* A member name and its colon. */
static void skip_name(struct json *json)
{
    if (json_expect(json, '"'))
        skip_string(json);
    if (!json->failed)
        (void)json_expect(json, ':');
}

static void skip_scalar(struct json *json)
{
    if (json->at == json->end)
        json->failed = true;
    else if (*json->at == '-' || (*json->at >= '0' && *json->at <= '9'))
        skip_number(json);
    else
        skip_word(json);
}

struct nest {
    uint64_t objects; /* one bit per open bracket: set for an object */
    unsigned depth;
};

static void nest_open(struct json *json, struct nest *nest, bool object)
{
    if (nest->depth == JSON_DEPTH_MAX) {
        json->failed = true;
        return;
    }
    nest->objects = nest->objects << 1 | (object ? 1u : 0u);
    nest->depth++;
    if (object)
        skip_name(json);
}

/* After a complete value: closes brackets, or steps to the next value of the open one. */
static void nest_step(struct json *json, struct nest *nest)
{
    while (nest->depth != 0 && !json->failed) {
        bool object = (nest->objects & 1u) != 0;
        if (json_punct(json, ',')) {
            if (object)
                skip_name(json);
            return;
        }
        (void)json_expect(json, object ? '}' : ']');
        nest->objects >>= 1;
        nest->depth--;
    }
}

bool json_skip(struct json *json)
{
    struct nest nest = {0, 0};

    do {
        bool object = json_punct(json, '{');
        if (object || json_punct(json, '[')) {
            if (!json_punct(json, object ? '}' : ']')) {
                nest_open(json, &nest, object);
                continue;
            }
        } else if (json_punct(json, '"')) {
            skip_string(json);
        } else {
            skip_scalar(json);
        }
        nest_step(json, &nest);
    } while (nest.depth != 0 && !json->failed);
    return !json->failed;
}
