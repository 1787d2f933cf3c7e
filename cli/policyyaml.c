#include "cli/policyyaml.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "db/watchjson.h"

#define POLICYYAML_NOTES 2048

static bool policyyaml_has(const json_t *list, const char *text)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) if (strcmp(json_string_value(one), text) == 0) return true;
    return false;
}

/* {sha256, label} become texts; what a label said more goes into `notes`. */
static json_t *policyyaml_hashes(const json_t *list, bool cas, struct buf *notes)
{
    json_t *texts = json_array();
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        const char *label = json_string_value(json_object_get(one, "label"));
        const char *hex = json_string_value(json_object_get(one, "sha256"));
        char text[80];
        char shown[256];
        bool itself = cas && watch_allow_by_name(label);
        (void)snprintf(text, sizeof text, "%s%s", cas ? "spki:" : "", hex);
        const char *written = itself ? label : text;
        if (!policyyaml_has(texts, written))
            must(json_array_append_new(texts, json_string(written)) == 0);
        if (!itself && strstr(label, hex) == NULL && notes->len < POLICYYAML_NOTES)
            buf_fmt(notes, "%s%s", notes->len == 0 ? "  # " : ", ",
                    text_visible_str(span_str(label), shown, sizeof shown));
    }
    return texts;
}

static void policyyaml_value(FILE *out, const char *indent, const char *key, const json_t *value)
{
    struct buf notes;
    buf_init(&notes, 2 * POLICYYAML_NOTES);
    bool cas = strcmp(key, "allow") == 0 || strcmp(key, "deny") == 0;
    bool hashes = json_is_object(json_array_get(value, 0)) && strcmp(key, "expect") != 0;
    json_t *texts = hashes ? policyyaml_hashes(value, cas, &notes) : NULL;
    char *text = json_dumps(hashes ? texts : value, JSON_ENCODE_ANY);
    must(text != NULL);
    fprintf(out, "%s%s: %s%s\n", indent, key, text, buf_text(&notes));
    free(text);
    json_decref(texts);
    buf_fini(&notes);
}

static void policyyaml_one(FILE *out, const struct watch *watch)
{
    struct buf json;
    const char *key;
    const char *inner;
    json_t *value;
    json_t *member;
    buf_init(&json, LIMIT_POLICY_BYTES);
    watchjson_write(watch, &json);
    json_t *object = json_loads(buf_text(&json), 0, NULL);
    must(object != NULL);
    bool below = watch->kind == WATCH_DNS && !watch->exact;
    json_t *name = json_pack("s+", below ? "." : "", watch->name);
    policyyaml_value(out, "  - ", "name", name);
    json_decref(name);
    if (watch->exact)
        fputs("    exact: true\n", out);
    json_object_foreach(object, key, value)
    {
        if (!json_is_object(value)) {
            policyyaml_value(out, "    ", key, value);
            continue;
        }
        fprintf(out, "    %s:\n", key);
        json_object_foreach(value, inner, member) policyyaml_value(out, "      ", inner, member);
    }
    json_decref(object);
    buf_fini(&json);
}

void policyyaml_write(FILE *out, const struct watch *watches, size_t count)
{
    fputs(count == 0 ? "watch: []\n" : "watch:\n", out);
    for (size_t i = 0; i < count; i++)
        policyyaml_one(out, &watches[i]);
}
