/* A value that is skipped is one: alone, in a list and as a member it is skipped again, to the same end; cut
 * short it is none. A string equals the name that its characters spell, and no other. */
#include <stdlib.h>

#include "parser/json.h"
#include "tests/fuzz/inside.h"

#define NAME_MAX_LEN 256

static bool skips_all(struct span text)
{
    struct json json = json_of(text);

    return json_skip(&json) && json.at == json.end;
}

static void check_wrapped(struct span value)
{
    static const char *const around[][2] = {{"[", "]"}, {"{\"a\":", "}"}, {"[1,", ",null]"}, {" [ ", " ] "}};
    char *text = malloc(value.len + 32);

    must(text != NULL);
    for (size_t i = 0; i < countof(around); i++) {
        size_t head = strlen(around[i][0]);
        size_t tail = strlen(around[i][1]);
        memcpy(text, around[i][0], head);
        memcpy(text + head, value.at, value.len);
        memcpy(text + head + value.len, around[i][1], tail);
        struct json json = json_of(span_of(text, head + value.len + tail));
        bool good = json_skip(&json);
        json_white(&json);
        must(good && json.at == json.end);
    }
    free(text);
}

static unsigned depth_of(struct span value)
{
    unsigned depth = 0;

    for (size_t i = 0; i < value.len; i++)
        depth += value.at[i] == '[' || value.at[i] == '{';
    return depth;
}

static void check_value(struct span input)
{
    struct json json = json_of(input);

    if (!json_skip(&json)) {
        must(json.failed && json.at >= input.at && json.at <= json.end);
        return;
    }
    struct span value = span_part(input, 0, (size_t)(json.at - input.at));
    must(value.len != 0 && skips_all(value));
    uint8_t last = value.at[value.len - 1];
    must((last >= '0' && last <= '9') || !skips_all(span_part(value, 0, value.len - 1)));
    if (depth_of(value) < JSON_DEPTH_MAX)
        check_wrapped(value);
}

static void check_string(struct span input)
{
    struct json json = json_of(input);
    struct json again = json;
    char name[NAME_MAX_LEN + 2];
    size_t len = 0;
    bool plain = true;
    int32_t c;

    while ((c = json_char(&json)) >= 0) {
        must(c <= 0xffff);
        plain = plain && c > 0 && c < 0x80 && len < NAME_MAX_LEN;
        if (plain)
            name[len++] = (char)c;
    }
    name[len] = '\0';
    bool same = json_string_is(&again, name);
    must(again.at == json.at && again.failed == json.failed);
    must(same == (plain && !json.failed));
    again = json_of(input);
    name[len] = 'x';
    name[len + 1] = '\0';
    must(!json_string_is(&again, name) || !plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_value(span_of(data, size));
    check_string(span_of(data, size));
    return 0;
}
