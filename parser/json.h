/* Just enough JSON (RFC 8259) to walk a large reply without building anything: white space, strings with
 * their escapes, and the skipping of values nobody asked for. Zero copy, no allocation, no recursion; sticky
 * error. Strings are not checked for valid UTF-8. Small documents are read with Jansson in other rooms. */
#ifndef CTVIGIL_JSON_H
#define CTVIGIL_JSON_H

#include "base/span.h"

#define JSON_DEPTH_MAX 64 /* of a skipped value; no log nests deeper than 4 */

struct json {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct json json_of(struct span text)
{
    return (struct json){text.at, text.at == NULL ? NULL : text.at + text.len, false};
}

void json_white(struct json *json);
/* Skips white space; true and past it when the next byte is `c`, otherwise false and nothing but white space
 * moved. */
bool json_punct(struct json *json, char c);
/* As json_punct, but anything else is a failure. */
bool json_expect(struct json *json, char c);

/* What json_char does with anything but a plain character. */
int32_t json_char_odd(struct json *json);
/* One character inside a string: -1 at the closing quote (which is consumed) or on failure. Escapes are
 * resolved, code points above 0x7f that were escaped come back as they are, raw bytes above 0x7f byte by
 * byte. */
static inline int32_t json_char(struct json *json)
{
    if (json->failed || json->at == json->end || *json->at < 0x20 || *json->at == '"' || *json->at == '\\')
        return json_char_odd(json);
    return *json->at++;
}
/* Reads a whole member name (its opening quote is consumed) and tells whether it equals `name`, an ASCII
 * text. */
bool json_string_is(struct json *json, const char *name);
/* Skips one value of any kind; false when it is malformed or nested too deeply. */
bool json_skip(struct json *json);

#endif
