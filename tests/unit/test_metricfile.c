#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/metric.h"
#include "cli/metricfile.h"

static char folder[] = "/tmp/ctvigil-metricfile-XXXXXX";

static size_t files_there(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static void load(struct conf *conf, const char *path)
{
    struct err why = {0};
    assert_int_equal(conf_load(NULL, conf, &why), ERR_OK);
    assert_int_equal(conf_set(conf, CONF_KEY_metrics_file, path, CONF_FROM_OPTION, "test", &why), ERR_OK);
}

static bool has(const char *path, const char *line)
{
    char text[20000];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    return strstr(text, line) != NULL;
}

static void written_whole_and_in_time(void **state)
{
    struct conf conf;
    struct stat first;
    struct stat second;
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/ctvigil.prom", folder);
    load(&conf, path);
    metric_add(METRIC_ALERTS_TOTAL, 7);
    metricfile_tick(&conf, false);
    assert_true(has(path, "\nctvigil_alerts_total 7\n"));
    assert_true(has(path, "# TYPE ctvigil_alerts_total counter\n"));
    assert_int_equal(files_there(), 1);
    /* Not again before its time, unless it is wanted now; then another file under the same name. */
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(first.st_mode & 0777, 0644);
    metric_add(METRIC_ALERTS_TOTAL, 1);
    metricfile_tick(&conf, false);
    assert_true(has(path, "\nctvigil_alerts_total 7\n"));
    metricfile_tick(&conf, true);
    assert_true(has(path, "\nctvigil_alerts_total 8\n"));
    assert_int_equal(stat(path, &second), 0);
    assert_int_not_equal(first.st_ino, second.st_ino);
    assert_int_equal(files_there(), 1);
    conf_free(&conf);
}

static void nothing_is_stopped_by_a_place_that_is_none(void **state)
{
    static const struct {
        const char *path, *says;
    } rows[] = {
        {"/nonexistent/ctvigil.prom", "/nonexistent/: no file can be made there: No such file"},
        {"/dev/null/ctvigil.prom", "/dev/null/: no file can be made there: Not a directory"},
        {"/tmp", "is a folder"},
        {"/tmp/", "is a folder"},
    };
    struct conf conf;
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err why = {0};
        load(&conf, rows[i].path);
        assert_int_equal(metricfile_check(&conf, &why), ERR_CONFIG);
        if (strstr(why.text, rows[i].says) == NULL)
            fail_msg("%s", why.text);
        metricfile_tick(&conf, true);
        conf_free(&conf);
    }
    load(&conf, "");
    assert_int_equal(metricfile_check(&conf, NULL), ERR_OK);
    metricfile_tick(&conf, true);
    conf_free(&conf);
    load(&conf, "ctvigil.prom");
    assert_int_equal(metricfile_check(&conf, NULL), ERR_OK);
    conf_free(&conf);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int drop_folder(void **state)
{
    (void)state;
    (void)unlink("ctvigil.prom");
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_whole_and_in_time),
        cmocka_unit_test(nothing_is_stopped_by_a_place_that_is_none),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
