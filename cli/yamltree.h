/* A YAML document as the JSON value it stands for, which remembers on which line each key and list item
 * stood. Every scalar becomes a text: what is a number is for the reader of the value to say. Aliases,
 * anchors and tags are refused, because in a policy they are names that somebody forgot to quote; keys that
 * come twice too. JSON is YAML. */
#ifndef CTVIGIL_YAMLTREE_H
#define CTVIGIL_YAMLTREE_H

#include <jansson.h>

#include "base/err.h"
#include "base/span.h"

struct yamltree;

/* `name` is for messages: "NAME:LINE: ...". ERR_CONFIG says what is wrong and where. */
MUST_USE enum err_code yamltree_read(const char *name, struct span text, struct yamltree **out,
                                     struct err *why);
void yamltree_free(struct yamltree *tree);          /* NULL is fine */
json_t *yamltree_root(const struct yamltree *tree); /* lives as long as the tree */
/* Line of "watch[0].keys.mode", or of the longest beginning of it that is there; 1: of none. */
size_t yamltree_line(const struct yamltree *tree, const char *path);

#endif
