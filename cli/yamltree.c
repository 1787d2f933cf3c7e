#include "cli/yamltree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "base/text.h"

#define YAMLTREE_DEPTH 8
#define YAMLTREE_PATH  200

struct yamltree {
    const char *name;
    json_t *root;
    json_t *lines; /* of each path */
};

/* Where the walk is: containers from the outermost to the innermost. */
struct yamltree_walk {
    struct yamltree *tree;
    json_t *in[YAMLTREE_DEPTH];
    char path[YAMLTREE_DEPTH + 1][YAMLTREE_PATH]; /* of each container, then of the value that comes */
    char key[YAMLTREE_PATH];
    bool has_key;
    size_t depth;
    struct err *why;
};

static enum err_code PRINTF_LIKE(3, 4)
    yamltree_bad(struct yamltree_walk *walk, size_t line, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(walk->why, ERR_CONFIG, "%s:%zu: %s", walk->tree->name, line, text);
}

static enum err_code yamltree_note(struct yamltree_walk *walk, const char *path, size_t line)
{
    if (json_object_size(walk->tree->lines) == LIMIT_POLICY_LINES)
        return yamltree_bad(walk, line, "more than %d keys and values", LIMIT_POLICY_LINES);
    must(json_object_set_new(walk->tree->lines, path, json_integer((json_int_t)line)) == 0);
    return ERR_OK;
}

static enum err_code yamltree_key(struct yamltree_walk *walk, const char *text, size_t line)
{
    char shown[80];
    json_t *in = walk->in[walk->depth - 1];
    if (strlen(text) >= 64)
        return yamltree_bad(walk, line, "a key of more than 63 bytes");
    if (json_object_get(in, text) != NULL)
        return yamltree_bad(walk, line, "'%s' occurs a second time",
                            text_visible_str(span_str(text), shown, sizeof shown));
    (void)snprintf(walk->key, sizeof walk->key, "%s", text);
    walk->has_key = true;
    return ERR_OK;
}

/* Puts the value where the walk is; steals it. */
static enum err_code yamltree_put(struct yamltree_walk *walk, json_t *value, size_t line)
{
    char path[2 * YAMLTREE_PATH + 32] = "";
    must(value != NULL);
    if (walk->depth == 0) {
        must(walk->tree->root == NULL);
        walk->tree->root = value;
    } else {
        json_t *in = walk->in[walk->depth - 1];
        const char *above = walk->path[walk->depth - 1];
        if (json_is_array(in)) {
            (void)snprintf(path, sizeof path, "%s[%zu]", above, json_array_size(in));
            must(json_array_append_new(in, value) == 0);
        } else {
            (void)snprintf(path, sizeof path, "%s%s%s", above, above[0] == '\0' ? "" : ".", walk->key);
            must(json_object_set_new(in, walk->key, value) == 0);
        }
        walk->has_key = false;
    }
    if (strlen(path) >= YAMLTREE_PATH)
        return yamltree_bad(walk, line, "it is nested too deeply");
    memcpy(walk->path[walk->depth], path, strlen(path) + 1);
    return yamltree_note(walk, path, line);
}

static enum err_code yamltree_open(struct yamltree_walk *walk, json_t *container, size_t line)
{
    enum err_code code = yamltree_put(walk, container, line);
    if (code == ERR_OK && walk->depth == YAMLTREE_DEPTH)
        return yamltree_bad(walk, line, "it is nested too deeply");
    if (code == ERR_OK)
        walk->in[walk->depth++] = container;
    return code;
}

static bool yamltree_wants_key(const struct yamltree_walk *walk)
{
    return walk->depth > 0 && json_is_object(walk->in[walk->depth - 1]) && !walk->has_key;
}

static enum err_code yamltree_scalar(struct yamltree_walk *walk, const yaml_event_t *event, size_t line)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
        return yamltree_bad(walk, line, "'&' and '!' mean something to YAML; put the value in quotes");
    if (strlen(text) != len || !text_is_utf8(span_of(text, len)))
        return yamltree_bad(walk, line, "a text that is not UTF-8, or has a NUL in it");
    return yamltree_wants_key(walk) ? yamltree_key(walk, text, line)
                                    : yamltree_put(walk, json_string(text), line);
}

/* A list or a group of keys with an anchor or a tag. */
static bool yamltree_marked(const yaml_event_t *event)
{
    return event->type == YAML_SEQUENCE_START_EVENT
               ? event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL
               : event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
}

static enum err_code yamltree_event(struct yamltree_walk *walk, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    bool opens = event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return yamltree_scalar(walk, event, line);
    case YAML_ALIAS_EVENT:
        return yamltree_bad(walk, line, "'*' means something to YAML; put the value in quotes");
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        walk->depth--;
        return ERR_OK;
    case YAML_DOCUMENT_START_EVENT:
        return walk->tree->root == NULL ? ERR_OK : yamltree_bad(walk, line, "a second document");
    default:
        break;
    }
    if (opens && yamltree_wants_key(walk))
        return yamltree_bad(walk, line, "a key has to be a text");
    if (!opens)
        return ERR_OK;
    if (yamltree_marked(event))
        return yamltree_bad(walk, line, "'&' and '!' mean something to YAML; put the value in quotes");
    return yamltree_open(walk, event->type == YAML_MAPPING_START_EVENT ? json_object() : json_array(), line);
}

static enum err_code yamltree_problem(struct yamltree_walk *walk, const yaml_parser_t *parser)
{
    const char *problem = parser->problem == NULL ? "it can not be read" : parser->problem;
    const char *context = parser->context == NULL ? "" : parser->context;
    bool star = strstr(context, "alias") != NULL;
    return yamltree_bad(walk, parser->problem_mark.line + 1, "not YAML: %s%s", problem,
                        star ? "; put values that begin with '*' in quotes" : "");
}

static enum err_code yamltree_walk_all(struct yamltree_walk *walk, yaml_parser_t *parser)
{
    enum err_code code = ERR_OK;
    bool end = false;
    while (code == ERR_OK && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return yamltree_problem(walk, parser);
        end = event.type == YAML_STREAM_END_EVENT;
        code = yamltree_event(walk, &event);
        yaml_event_delete(&event);
    }
    return code;
}

enum err_code yamltree_read(const char *name, struct span text, struct yamltree **out, struct err *why)
{
    struct yamltree *tree = calloc(1, sizeof *tree);
    struct yamltree_walk *walk = calloc(1, sizeof *walk);
    yaml_parser_t parser;
    must(tree != NULL && walk != NULL && yaml_parser_initialize(&parser) != 0);
    tree->name = name;
    tree->lines = json_object();
    must(tree->lines != NULL);
    walk->tree = tree;
    walk->why = why;
    yaml_parser_set_input_string(&parser, text.len == 0 ? (const uint8_t *)"" : text.at, text.len);
    enum err_code code = yamltree_walk_all(walk, &parser);
    yaml_parser_delete(&parser);
    free(walk);
    if (code == ERR_OK && tree->root == NULL)
        code = err_set(why, ERR_CONFIG, "%s: it is empty", name);
    if (code != ERR_OK) {
        yamltree_free(tree);
        tree = NULL;
    }
    *out = tree;
    return code;
}

void yamltree_free(struct yamltree *tree)
{
    if (tree == NULL)
        return;
    json_decref(tree->lines);
    json_decref(tree->root);
    free(tree);
}

json_t *yamltree_root(const struct yamltree *tree)
{
    return tree->root;
}

size_t yamltree_line(const struct yamltree *tree, const char *path)
{
    char begin[YAMLTREE_PATH];
    size_t len = strnlen(path, sizeof begin - 1);
    memcpy(begin, path, len);
    for (; len != 0; len--) {
        /* A path is known up to the end of a key or an index, if at all. */
        if (path[len] != '\0' && path[len] != '.' && path[len] != '[')
            continue;
        begin[len] = '\0';
        const json_t *line = json_object_get(tree->lines, begin);
        if (line != NULL)
            return (size_t)json_integer_value(line);
    }
    return 1;
}
