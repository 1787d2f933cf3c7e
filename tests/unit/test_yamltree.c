/* YAML that means harm, or was written in haste: refused with its line, in little time and memory. */
#include "cli/yamltree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"

static void refused_as(struct span text, const char *part)
{
    struct yamltree *tree = NULL;
    struct err why = {0};
    if (yamltree_read("f", text, &tree, &why) != ERR_CONFIG)
        fail_msg("%.40s: it was read", text.at == NULL ? "" : (const char *)text.at);
    assert_null(tree);
    if (strstr(why.text, part) == NULL || strlen(why.text) > 400)
        fail_msg("%.40s: %s, not %s", text.at == NULL ? "" : (const char *)text.at, why.text, part);
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        const char *part;
    } rows[] = {
        {"", "f: it is empty"},
        {"# nothing\n", "f: it is empty"},
        /* A billion laughs begins with the first one. */
        {"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "f:1: '&' and '!'"},
        {"a: &a\n  b: *a\n", "'&' and '!'"},
        {"a: [x]\nb: [*a]\n", "f:2: '*' means something"},
        {"a: &x y\n", "f:1: '&' and '!'"},
        {"a: !!python/object/apply:os.system [id]\n", "f:1:"},
        {"a: !!binary aGk=\n", "f:1: '&' and '!'"},
        {"<<: {a: b}\nb: {<<: *c}\n", "f:2:"},
        {"a: 1\na: 2\n", "f:2: 'a' occurs a second time"},
        {"w:\n  - {a: 1, \"a\": 2}\n", "f:2: 'a' occurs a second time"},
        {"w:\n\t- a\n", "f:2: not YAML"},
        {"w:\n  - a\n b: c\n", "not YAML"},
        {"{[a]: b}\n", "f:1: a key has to be a text"},
        {"? {a: b}\n: c\n", "f:1: a key has to be a text"},
        {"---\na: b\n---\nc: d\n", "f:3: a second document"},
        {"a: \"\\0\"\n", "f:1: a text that is not UTF-8, or has a NUL"},
        {"\"\\0a\": b\n", "f:1: a text that is not UTF-8, or has a NUL"},
        {"a: 'b\n", "not YAML"},
        {"a: \xff\n", "not YAML"},
        {"\xfe\xff", "f: it is empty"},
        {"%YAML 9.9\n---\na: b\n", "not YAML"},
        {"{{{{{{{{{{", "f:1:"},
        {"- - - - - - - - - - a\n", "f:1: it is nested too deeply"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: b\n",
         "f:1: a key of more than 63"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        refused_as(span_str(rows[i].text), rows[i].part);
    refused_as(SPAN_NONE, "empty");
    refused_as(SPAN_LIT("a: b\0c\n"), "f:1:");
}

/* Text that is repeated up to `bytes`. */
static struct span repeat(struct buf *out, const char *head, const char *piece, size_t bytes)
{
    buf_init(out, 2 * bytes + 4096);
    buf_str(out, head);
    while (out->len < bytes)
        buf_str(out, piece);
    return buf_span(out);
}

static void large(void **state)
{
    static const struct {
        const char *head;
        const char *piece;
        const char *part;
    } rows[] = {
        {"", "[", "f:1: it is nested too deeply"},
        {"", "{a: ", "f:1: it is nested too deeply"},
        {"", "- ", "f:1: it is nested too deeply"},
        {"a: [", "x,", "f:1: more than 1000000 keys and values"},
        {"", "? ", "f:1:"},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct buf text;
        refused_as(repeat(&text, rows[i].head, rows[i].piece, i == 3 ? 5u << 20 : 1u << 18), rows[i].part);
        buf_fini(&text);
    }
    /* One long text is one text. */
    struct buf text;
    struct yamltree *tree = NULL;
    struct err why = {0};
    assert_int_equal(yamltree_read("f", repeat(&text, "a: \"", "x", 1u << 20), &tree, &why), ERR_CONFIG);
    buf_str(&text, "\"\n");
    assert_int_equal(yamltree_read("f", buf_span(&text), &tree, &why), ERR_OK);
    assert_int_equal(json_string_length(json_object_get(yamltree_root(tree), "a")), text.len - 6);
    yamltree_free(tree);
    buf_fini(&text);
}

/* Numbers and words stay the texts that they are, and lines are known. */
static void read_as_it_is(void **state)
{
    static const char text[] = "n: 0x7fffffffffffffffff\n"
                               "day: 2026-12-01\n"
                               "no: no\n"
                               "hex: 33ac1d9b\n"
                               "exp: 1e999\n"
                               "list:\n"
                               "  - {deep: [a, b]}\n"
                               "  -\n"
                               "    deep: ~\n";
    struct yamltree *tree = NULL;
    struct err why = {0};
    (void)state;
    if (yamltree_read("f", span_str(text), &tree, &why) != ERR_OK)
        fail_msg("%s", why.text);
    const json_t *root = yamltree_root(tree);
    assert_string_equal(json_string_value(json_object_get(root, "n")), "0x7fffffffffffffffff");
    assert_string_equal(json_string_value(json_object_get(root, "day")), "2026-12-01");
    assert_string_equal(json_string_value(json_object_get(root, "no")), "no");
    assert_string_equal(json_string_value(json_object_get(root, "exp")), "1e999");
    assert_int_equal(yamltree_line(tree, "hex"), 4);
    assert_int_equal(yamltree_line(tree, "list[0].deep[1]"), 7);
    assert_int_equal(yamltree_line(tree, "list[1].deep.nowhere"), 9);
    assert_int_equal(yamltree_line(tree, "nowhere"), 1);
    yamltree_free(tree);
    yamltree_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(large),
                                       cmocka_unit_test(read_as_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
