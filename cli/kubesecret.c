#include "cli/kubesecret.h"

#include <stdlib.h>

#include <jansson.h>
#include <yaml.h>

#include "base/text.h"

#define DEPTH_MAX 64
#define KEY_MAX   64

struct reading {
    void (*each)(void *arg, struct span pem);
    void *arg;
    struct err *why;
    enum err_code code; /* of values */
};

bool kubesecret_is(struct span text)
{
    return text.len != 0 && memmem(text.at, text.len, "tls.crt", 7) != NULL &&
           memmem(text.at, text.len, "Secret", 6) != NULL;
}

/* Base64 with line breaks in it is the same. */
static bool decode(struct span text, uint8_t *out, size_t *len)
{
    char *dense = malloc(text.len + 1);
    size_t count = 0;
    must(dense != NULL);
    for (size_t i = 0; i < text.len; i++)
        if (strchr(" \t\r\n", text.at[i]) == NULL || text.at[i] == '\0')
            dense[count++] = (char)text.at[i];
    bool good = text_unbase64(span_of(dense, count), out, text.len + 1, len);
    free(dense);
    return good;
}

static void take(struct reading *reading, const char *in, struct span value, size_t line)
{
    size_t len = 0;
    if (strcmp(in, "stringData") == 0) {
        reading->each(reading->arg, value);
        return;
    }
    uint8_t *bytes = malloc(value.len + 1);
    must(bytes != NULL);
    if (decode(value, bytes, &len))
        reading->each(reading->arg, span_of(bytes, len));
    else if (line != 0)
        reading->code = err_set(reading->why, ERR_FORMAT, "line %zu: tls.crt is not base64", line);
    else
        reading->code = err_set(reading->why, ERR_FORMAT, "a tls.crt is not base64");
    free(bytes);
}

static bool holds(const char *key)
{
    return strcmp(key, "data") == 0 || strcmp(key, "stringData") == 0;
}

static void walk_json(struct reading *reading, json_t *value, unsigned depth)
{
    const char *key;
    json_t *member;
    size_t i;
    if (depth == DEPTH_MAX)
        return;
    json_array_foreach(value, i, member) walk_json(reading, member, depth + 1);
    json_object_foreach(value, key, member)
    {
        const json_t *cert = holds(key) ? json_object_get(member, "tls.crt") : NULL;
        if (json_is_string(cert))
            take(reading, key, span_of(json_string_value(cert), json_string_length(cert)), 0);
        walk_json(reading, member, depth + 1);
    }
}

static enum err_code read_json(struct reading *reading, struct span text)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)text.at, text.len, 0, &error);
    if (root == NULL) {
        char shown[JSON_ERROR_TEXT_LENGTH];
        return err_set(reading->why, ERR_FORMAT, "line %d: not JSON: %s", error.line,
                       text_visible_str(span_str(error.text), shown, sizeof shown));
    }
    walk_json(reading, root, 0);
    json_decref(root);
    return reading->code;
}

/* Where in a document: of each mapping the key at hand, "" in a list. */
struct place {
    bool mapping[DEPTH_MAX];
    bool has_key[DEPTH_MAX];
    char key[DEPTH_MAX][KEY_MAX];
    size_t depth;
};

static void on_scalar(struct reading *reading, struct place *place, const yaml_event_t *event)
{
    struct span value = span_of(event->data.scalar.value, event->data.scalar.length);
    size_t at = place->depth - 1;
    if (place->depth == 0 || !place->mapping[at])
        return;
    if (!place->has_key[at]) {
        size_t len = value.len < KEY_MAX ? value.len : 0; /* a longer one is none of ours */
        memcpy(place->key[at], value.at, len);
        place->key[at][len] = '\0';
        place->has_key[at] = true;
        return;
    }
    place->has_key[at] = false;
    if (strcmp(place->key[at], "tls.crt") == 0 && at > 0 && place->mapping[at - 1] &&
        holds(place->key[at - 1]))
        take(reading, place->key[at - 1], value, event->start_mark.line + 1);
}

static enum err_code on_event(struct reading *reading, struct place *place, const yaml_event_t *event)
{
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    if (event->type == YAML_DOCUMENT_START_EVENT)
        place->depth = 0;
    if (event->type == YAML_SCALAR_EVENT)
        on_scalar(reading, place, event);
    if (mapping || event->type == YAML_SEQUENCE_START_EVENT) {
        if (place->depth == DEPTH_MAX)
            return err_set(reading->why, ERR_FORMAT, "line %zu: nested too deeply",
                           event->start_mark.line + 1);
        place->mapping[place->depth] = mapping;
        place->key[place->depth][0] = '\0';
        place->has_key[place->depth++] = false;
    }
    if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT)
        place->depth--;
    /* A container or an alias was the value of the key before it. */
    if ((event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT ||
         event->type == YAML_ALIAS_EVENT) &&
        place->depth != 0)
        place->has_key[place->depth - 1] =
            place->mapping[place->depth - 1] && !place->has_key[place->depth - 1];
    return ERR_OK;
}

static enum err_code read_yaml(struct reading *reading, struct span text)
{
    struct place *place = calloc(1, sizeof *place);
    yaml_parser_t parser;
    enum err_code code = ERR_OK;
    bool end = false;
    must(place != NULL && yaml_parser_initialize(&parser) != 0);
    yaml_parser_set_input_string(&parser, text.at, text.len);
    while (code == ERR_OK && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            code = err_set(reading->why, ERR_FORMAT, "line %zu: not YAML: %s", parser.problem_mark.line + 1,
                           parser.problem == NULL ? "it can not be read" : parser.problem);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        code = on_event(reading, place, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    free(place);
    return code != ERR_OK ? code : reading->code;
}

enum err_code kubesecret_read(struct span text, void (*each)(void *arg, struct span pem), void *arg,
                              struct err *why)
{
    struct reading reading = {.each = each, .arg = arg, .why = why};
    size_t begin = 0;
    while (begin < text.len && strchr(" \t\r\n", text.at[begin]) != NULL && text.at[begin] != '\0')
        begin++;
    return begin < text.len && (text.at[begin] == '{' || text.at[begin] == '[') ? read_json(&reading, text)
                                                                                : read_yaml(&reading, text);
}
