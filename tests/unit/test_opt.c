/* Command lines: what is taken, and that what does not fit is refused in one line that names the word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/opt.h"

#define WORDS_MAX 12

struct targets {
    bool check;
    const char *text;
    const char *file;
    struct opt_list list;
    uint64_t number;
    int64_t time_ms;
};

static struct targets got;

static const struct opt rows[] = {
    {"check", OPT_FLAG, &got.check, NULL, "a flag"},
    {"owner", OPT_TEXT, &got.text, "NAME", "a text"},
    {"key", OPT_FILE, &got.file, "FILE", "a file"},
    {"channel", OPT_LIST, &got.list, "NAME", "a list"},
    {"limit", OPT_NUMBER, &got.number, "N", "a number"},
    {"since", OPT_TIME, &got.time_ms, "TIME", "a time"},
    {NULL, OPT_FLAG, NULL, NULL, NULL},
};

static const struct opt_verb verbs[] = {
    {"list", "", "limit since"}, {"show", "ID", ""},
    {"retry", "[ID]", ""},       {"add", "NAME", "owner channel check key"},
    {NULL, NULL, NULL},
};

/* Calls `parse` with stderr going to `said`. */
struct parsed {
    bool taken;
    size_t verb;
    int count;
    char *argv[WORDS_MAX + 1];
    char said[1024];
};

static void parse(struct parsed *parsed, bool with_verbs, const char *operands, const char *const *words)
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    int argc = 0;

    assert_non_null(file);
    memset(&got, 0, sizeof got);
    memset(parsed, 0, sizeof *parsed);
    parsed->argv[argc++] = (char *)"alert";
    for (; *words != NULL; words++)
        parsed->argv[argc++] = (char *)(uintptr_t)*words;
    (void)fflush(stderr);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    parsed->taken = with_verbs
                        ? opt_parse_verb(rows, verbs, argc, parsed->argv, &parsed->verb, &parsed->count)
                        : opt_parse(rows, operands, argc, parsed->argv, &parsed->count);
    (void)fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    rewind(file);
    parsed->said[fread(parsed->said, 1, sizeof parsed->said - 1, file)] = '\0';
    (void)fclose(file);
}

static void assert_refused(const struct parsed *parsed, const char *part)
{
    const char *end = strchr(parsed->said, '\n');

    if (parsed->taken || strstr(parsed->said, part) == NULL || end == NULL || end[1] != '\0')
        fail_msg("wanted one line with \"%s\", got \"%s\"", part, parsed->said);
    assert_null(strchr(parsed->said, '\x1b'));
    assert_non_null(strstr(parsed->said, "--help"));
}

static void refuses_with_verbs(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *part;
    } table[] = {
        {{NULL}, "say list, show, retry or add"},
        {{"lsit"}, "there is no 'lsit'; did you mean 'list'?"},
        {{"frobnicate"}, "there is no 'frobnicate', but list, show, retry or add"},
        {{"\x1b[31m"}, "\\x1b[31m"},
        {{"list", "extra"}, "alert list: 'extra' is not expected here"},
        {{"show"}, "alert show: ID is missing"},
        {{"show", "1", "2"}, "alert show: '2' is not expected here"},
        {{"retry", "1", "2"}, "alert retry: '2' is not expected here"},
        {{"list", "--owner", "x"}, "--owner is not an option of 'alert list'"},
        {{"--check", "show", "1"}, "--check is not an option of 'alert show'"},
        {{"list", "--limt", "3"}, "--limt is not an option of this command; did you mean --limit?"},
        {{"list", "--frobnicate"}, "--frobnicate is not an option of this command"},
        {{"list", "-x"}, "-x is not an option of this command"},
        {{"add", "n", "--check=yes"}, "--check takes no value"},
        {{"list", "--limit"}, "--limit needs a value"},
        {{"list", "--limit", "-1"}, "--limit: '-1' is not a whole number"},
        {{"list", "--limit", ""}, "--limit: '' is not a whole number"},
        {{"list", "--since", "tomorrow"}, "--since: 'tomorrow' is not a time"},
        {{"add", "n", "--owner", "\xff"}, "--owner: '\\xff': it is not UTF-8"},
        {{"add", "n", "--channel", "a\xc3"}, "it is not UTF-8"},
        {{"add", "\xed\xa0\x80"}, "it is not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct parsed parsed;
        parse(&parsed, true, NULL, table[i].words);
        assert_refused(&parsed, table[i].part);
    }
}

static void takes_with_verbs(void **state)
{
    static const char *const add[] = {"--channel", "a",  "add",   "--owner=J\xc3\xbcrgen",
                                      "--channel", "b",  "--key", "\xff.pem",
                                      "--check",   "--", "-name", NULL};
    static const char *const retry[] = {"retry", NULL};
    struct parsed parsed;

    (void)state;
    parse(&parsed, true, NULL, add);
    assert_string_equal(parsed.said, "");
    assert_true(parsed.taken && got.check);
    assert_string_equal(verbs[parsed.verb].name, "add");
    assert_int_equal(parsed.count, 1);
    assert_string_equal(parsed.argv[2], "-name");
    assert_string_equal(got.text, "J\xc3\xbcrgen");
    assert_string_equal(got.file, "\xff.pem");
    assert_int_equal(got.list.count, 2);
    assert_string_equal(got.list.item[1], "b");
    parse(&parsed, true, NULL, retry);
    assert_true(parsed.taken && parsed.count == 0);
    assert_string_equal(verbs[parsed.verb].name, "retry");
}

static void operands_of_a_command(void **state)
{
    static const struct {
        const char *operands;
        const char *words[WORDS_MAX];
        const char *part; /* NULL: taken */
        int count;
    } table[] = {
        {"", {NULL}, NULL, 0},
        {"", {"x"}, "'x' is not expected here", 0},
        {"", {"--check"}, NULL, 0},
        {"QUERY", {NULL}, "QUERY is missing", 0},
        {"QUERY", {""}, NULL, 1},
        {"QUERY", {"a", "b"}, "'b' is not expected here", 0},
        {"QUERY", {"\xff"}, "QUERY: '\\xff': it is not UTF-8", 0},
        {"NAME CERT", {NULL}, "NAME is missing", 0},
        {"NAME CERT", {"a"}, "CERT is missing", 0},
        {"NAME CERT", {"a", "b"}, NULL, 2},
        {"NAME CERT", {"a", "b", "c"}, "'c' is not expected here", 0},
        {"FILE...", {NULL}, "FILE is missing", 0},
        {"FILE...", {"a", "\xff", "-"}, NULL, 3},
    };

    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        struct parsed parsed;
        parse(&parsed, false, table[i].operands, table[i].words);
        if (table[i].part != NULL) {
            assert_refused(&parsed, table[i].part);
            continue;
        }
        assert_string_equal(parsed.said, "");
        assert_true(parsed.taken);
        assert_int_equal(parsed.count, table[i].count);
    }
}

static void nearest(void **state)
{
    static const struct {
        const char *typed;
        const char *meant;
    } table[] = {
        {"list", "list"},
        {"lst", "list"},
        {"lits", "list"},
        {"llist", "list"},
        {"ad", "add"},
        {"dad", "add"},
        {"x", NULL},
        {"", NULL},
        {"retyr", "retry"},
        {"rtyr", "retry"},
        {"shwo", "show"},
        {"shut", NULL},
        {"a-word-that-is-much-longer-than-any-of-ours-and-nobody-means-by-it", NULL},
    };

    (void)state;
    for (size_t i = 0; i < countof(table); i++) {
        const char *found = opt_nearest(table[i].typed, verbs, sizeof *verbs);
        if ((found == NULL) != (table[i].meant == NULL) ||
            (found != NULL && strcmp(found, table[i].meant) != 0))
            fail_msg("%s: %s", table[i].typed, found == NULL ? "nothing" : found);
    }
}

static void a_list_has_an_end(void **state)
{
    char *argv[2 * OPT_LIST_MAX + 4] = {(char *)"x"};
    int argc = 1;
    int count;

    (void)state;
    memset(&got, 0, sizeof got);
    for (int i = 0; i < OPT_LIST_MAX; i++) {
        argv[argc++] = (char *)"--channel";
        argv[argc++] = (char *)"c";
    }
    assert_true(opt_parse(rows, "", argc, argv, &count));
    assert_int_equal(got.list.count, OPT_LIST_MAX);
    argv[argc++] = (char *)"--channel=more";
    memset(&got, 0, sizeof got);
    assert_false(opt_parse(rows, "", argc, argv, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_verbs),    cmocka_unit_test(takes_with_verbs),
        cmocka_unit_test(operands_of_a_command), cmocka_unit_test(nearest),
        cmocka_unit_test(a_list_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
