#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/say.h"

static char said[20000];

/* Runs `speak` with stderr in a file and keeps what came. */
static void listen(void (*speak)(void))
{
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_non_null(file);
    assert_true(before >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    speak();
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    (void)close(before);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = 0;
    (void)fclose(file);
}

static size_t lines(void)
{
    size_t count = 0;
    for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    return count;
}

static void speak_levels(void)
{
    say_error("a", "one");
    say_warn("a", "two");
    say_info("a", "three");
    say_debug("a", "four");
}

static void speak_hostile(void)
{
    say_error("argon\n2027", "%s", "x\ntime=1 level=info \"quoted\" back\\slash \x1b[2J \xe2\x80\xae end");
}

static void speak_long(void)
{
    static char many[100000];
    memset(many, '\n', sizeof many - 1);
    say_error("a", "%s", many);
}

static void levels(void **state)
{
    enum say_level level;
    (void)state;
    say_setup(SAY_WARN, false);
    assert_true(say_wants(SAY_ERROR));
    assert_false(say_wants(SAY_INFO));
    listen(speak_levels);
    assert_int_equal(lines(), 2);
    assert_non_null(strstr(said, " level=warn subject=\"a\" text=\"two\"\n"));
    say_setup(SAY_DEBUG, false);
    listen(speak_levels);
    assert_int_equal(lines(), 4);
    assert_true(say_level_parse("debug", &level) && level == SAY_DEBUG);
    assert_false(say_level_parse("Debug", &level));
    assert_false(say_level_parse("", &level));
}

static void nothing_forges_a_line(void **state)
{
    (void)state;
    say_setup(SAY_INFO, false);
    listen(speak_hostile);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(said, "subject=\"argon\\x0a2027\""));
    assert_non_null(strstr(said, "text=\"x\\x0atime=1 level=info \\\"quoted\\\" back\\\\slash \\x1b[2J "
                                 "\\xe2\\x80\\xae end\"\n"));
    say_setup(SAY_INFO, true);
    listen(speak_hostile);
    assert_int_equal(lines(), 1);
    assert_int_equal(said[0], '{');
    assert_non_null(strstr(said,
                           "\"text\":\"x\\\\x0atime=1 level=info \\\"quoted\\\" back\\\\\\\\slash \\\\x1b[2J "
                           "\\\\xe2\\\\x80\\\\xae end\"}\n"));
    listen(speak_long);
    assert_int_equal(lines(), 1);
    assert_true(strlen(said) < 8192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),
        cmocka_unit_test(nothing_forges_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
