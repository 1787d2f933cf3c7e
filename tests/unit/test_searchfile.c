/* Files of a search: there when they are whole; of what could not be written whole, what can be used, under
 * another name. A file system that gets full is a limit on the size of files here. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/searchfile.h"

#define ROW_BYTES 32 /* so many an output row has */

static char folder[64];
static char path[128];
static char partial[160];

static int syncs;        /* since it was set */
static int sync_to_fail; /* the first is 1; 0: none */

/* In the place of the C library's: a disk that does not keep what it took. */
int fsync(int fd)
{
    if (++syncs != sync_to_fail)
        return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

static void limit_files(rlim_t bytes)
{
    const struct rlimit limit = {bytes, RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static size_t files_in_folder(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_holds(const char *name, const char *text)
{
    char got[64] = "";
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    assert_int_equal(fread(got, 1, sizeof got - 1, file), strlen(text));
    assert_string_equal(got, text);
    (void)fclose(file);
}

/* The rows 0 to count - 1 and nothing else. */
static void assert_rows(const char *name, uint64_t count)
{
    char line[ROW_BYTES + 1];
    char expected[ROW_BYTES + 1];
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    for (uint64_t i = 0; i < count; i++) {
        (void)snprintf(expected, sizeof expected, "%031" PRIu64 "\n", i);
        assert_non_null(fgets(line, sizeof line, file));
        assert_string_equal(line, expected);
    }
    assert_int_equal(fgetc(file), EOF);
    (void)fclose(file);
}

static void open_it(struct searchfile *file)
{
    struct err why = {0};
    if (searchfile_open(file, path, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* As far as it goes; how many were given. */
static uint64_t write_rows(struct searchfile *file, uint64_t count)
{
    static const struct issuance issuance = {.not_before = 1735689600};
    for (uint64_t i = 0; i < count; i++) {
        struct query_row row = {.issuance = &issuance,
                                .place = {.not_before_ms = (int64_t)i, .issuer_id = 7}};
        memset(row.place.tbs_fp, (int)i, sizeof row.place.tbs_fp);
        fprintf(file->out, "%031" PRIu64 "\n", i);
        if (!searchfile_row(file, &row))
            return i;
    }
    return count;
}

static void remove_all(void)
{
    (void)remove(path);
    (void)remove(partial);
    assert_int_equal(files_in_folder(), 0);
}

static void it_appears_when_it_is_whole(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    struct searchfile file;
    struct stat info;
    (void)state;
    put(path, "old");
    (void)umask(027);
    open_it(&file);
    (void)umask(022);
    assert_int_equal(write_rows(&file, 1000), 1000);
    assert_holds(path, "old");
    assert_true(searchfile_ok(&file));
    assert_int_equal(searchfile_close(&file, true, kept, NULL), ERR_OK);
    assert_string_equal(kept, path);
    assert_rows(path, 1000);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(files_in_folder(), 1);
    remove_all();
}

static void what_is_not_whole_has_another_name(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    struct searchfile file;
    (void)state;
    put(path, "old");
    open_it(&file);
    assert_int_equal(write_rows(&file, 100), 100);
    assert_int_equal(searchfile_close(&file, false, kept, NULL), ERR_OK);
    assert_string_equal(kept, partial);
    assert_rows(partial, 100);
    assert_holds(path, "old");
    remove_all();
}

/* Wherever it ends: whole rows, and where to go on behind them; at most those of one mark are lost, and those
 * that wait in the stream. */
static void a_full_disk_leaves_whole_rows(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    const uint64_t mark = (uint64_t)SEARCHFILE_MARK_ROWS * ROW_BYTES;
    (void)state;
    for (uint64_t room = 0; room < 6 * mark; room += room % 5 == 0 ? 1 : mark / 4 - 3) {
        struct searchfile file;
        struct err why = {0};
        uint64_t fit = room / mark * SEARCHFILE_MARK_ROWS;
        put(path, "old");
        open_it(&file);
        limit_files(room);
        uint64_t given = write_rows(&file, 1000);
        /* What is freed now does not bring back what is missing. */
        limit_files(RLIM_INFINITY);
        assert_true(given < 1000 && given <= fit + SEARCHFILE_MARK_ROWS);
        assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_SYSTEM);
        assert_non_null(strstr(why.text, path));
        assert_non_null(strstr(why.text, strerror(EFBIG)));
        assert_holds(path, "old");
        assert_int_equal(file.mark.rows, fit);
        assert_string_equal(kept, fit == 0 ? "" : partial);
        assert_int_equal(files_in_folder(), fit == 0 ? 1 : 2);
        if (fit != 0) {
            assert_rows(partial, fit);
            assert_int_equal(file.mark.behind.not_before_ms, fit - 1);
            assert_int_equal(file.mark.behind.tbs_fp[31], (fit - 1) & 0xff);
            assert_int_equal(file.mark.behind.issuer_id, 7);
        }
        remove_all();
    }
}

/* It is full when the last rows, which a page still held, are written. */
static void a_disk_that_is_full_at_the_end(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    struct searchfile file;
    struct err why = {0};
    (void)state;
    open_it(&file);
    limit_files((rlim_t)ROW_BYTES * 99);
    assert_int_equal(write_rows(&file, 100), 100);
    assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_SYSTEM);
    limit_files(RLIM_INFINITY);
    assert_string_equal(kept, partial);
    assert_rows(partial, SEARCHFILE_MARK_ROWS);
    remove_all();
    /* Exactly as much as there is room for. */
    open_it(&file);
    limit_files((rlim_t)ROW_BYTES * 100);
    assert_int_equal(write_rows(&file, 100), 100);
    assert_int_equal(searchfile_close(&file, true, kept, NULL), ERR_OK);
    limit_files(RLIM_INFINITY);
    assert_rows(path, 100);
    assert_int_equal(file.mark.rows, 100);
    remove_all();
}

/* The first reason is told, whatever fails because of it. */
static void the_first_reason_counts(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    struct searchfile file;
    struct err why = {0};
    (void)state;
    open_it(&file);
    limit_files(ROW_BYTES);
    assert_true(write_rows(&file, 1000) < 1000);
    limit_files(RLIM_INFINITY);
    assert_false(searchfile_ok(&file));
    errno = ENOENT;
    assert_int_equal(write_rows(&file, 1), 0);
    assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_SYSTEM);
    assert_non_null(strstr(why.text, strerror(EFBIG)));
    remove_all();
}

/* Nobody knows then what is in the file. */
static void what_the_disk_lost_is_not_kept(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        struct searchfile file;
        struct err why = {0};
        put(path, "old");
        open_it(&file);
        limit_files((rlim_t)ROW_BYTES * (cut ? 200 : 1000));
        assert_int_equal(write_rows(&file, 1000) < 1000, cut);
        syncs = 0;
        sync_to_fail = 1;
        assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_SYSTEM);
        sync_to_fail = 0;
        limit_files(RLIM_INFINITY);
        assert_int_equal(syncs, 1);
        assert_non_null(strstr(why.text, strerror(cut ? EFBIG : EIO)));
        assert_string_equal(kept, "");
        assert_holds(path, "old");
        assert_int_equal(files_in_folder(), 1);
        remove_all();
    }
}

/* Somebody took the file away that was written, or cut it off. */
static void what_is_gone_is_not_kept(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        struct searchfile file;
        struct err why = {0};
        open_it(&file);
        limit_files((rlim_t)ROW_BYTES * 200);
        assert_true(write_rows(&file, 1000) < 1000);
        assert_int_equal(cut ? truncate(file.temp, ROW_BYTES) : unlink(file.temp), 0);
        assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_SYSTEM);
        limit_files(RLIM_INFINITY);
        assert_string_equal(kept, "");
        assert_int_equal(files_in_folder(), 0);
    }
}

/* What can not get its name is not thrown away. */
static void a_name_that_is_taken(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    struct searchfile file;
    struct err why = {0};
    (void)state;
    assert_int_equal(mkdir(partial, 0755), 0);
    open_it(&file);
    limit_files((rlim_t)ROW_BYTES * 130);
    assert_true(write_rows(&file, 1000) < 1000);
    limit_files(RLIM_INFINITY);
    assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_SYSTEM);
    assert_non_null(strstr(why.text, strerror(EFBIG)));
    assert_string_equal(kept, file.temp);
    assert_rows(kept, 128);
    assert_int_equal(remove(kept), 0);
    open_it(&file);
    assert_int_equal(write_rows(&file, 10), 10);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_SYSTEM);
    assert_string_equal(kept, file.temp);
    assert_rows(kept, 10);
    assert_int_equal(remove(kept), 0);
    remove_all();
}

static void what_is_no_file_is_written_as_it_is(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    struct searchfile file;
    struct err why = {0};
    (void)state;
    assert_int_equal(searchfile_open(&file, "/dev/full", &why), ERR_OK);
    assert_string_equal(file.temp, "");
    (void)write_rows(&file, 1000);
    assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_SYSTEM);
    assert_non_null(strstr(why.text, strerror(ENOSPC)));
    assert_int_equal(searchfile_open(&file, "/dev/null", &why), ERR_OK);
    assert_int_equal(write_rows(&file, 1000), 1000);
    assert_int_equal(searchfile_close(&file, false, kept, &why), ERR_OK);
    assert_string_equal(kept, "/dev/null");
    assert_int_equal(searchfile_open(&file, NULL, &why), ERR_OK);
    assert_ptr_equal(file.out, stdout);
    assert_int_equal(searchfile_close(&file, true, kept, &why), ERR_OK);
    assert_string_equal(kept, "");
    assert_int_equal(ferror(stdout), 0);
}

static void what_can_not_be_made(void **state)
{
    static char longest[SEARCHFILE_PATH_MAX];
    struct searchfile file;
    struct err why = {0};
    (void)state;
    assert_int_equal(searchfile_open(&file, "/nonexistent/folder/file", &why), ERR_SYSTEM);
    assert_non_null(strstr(why.text, strerror(ENOENT)));
    /* With seven letters of its own, or ".partial" in their place, each name has room. */
    memset(longest, 'x', SEARCHFILE_PATH_MAX - 23);
    err_clear(&why);
    assert_int_equal(searchfile_open(&file, longest, &why), ERR_USAGE);
    assert_non_null(strstr(why.text, "too long"));
    longest[SEARCHFILE_PATH_MAX - 24] = '\0';
    err_clear(&why);
    assert_int_equal(searchfile_open(&file, longest, &why), ERR_SYSTEM);
}

/* Only now and then, and not into the file. */
static void it_says_how_far_it_is(void **state)
{
    static char kept[SEARCHFILE_PATH_MAX];
    struct searchfile file;
    char said[128] = "";
    (void)state;
    FILE *errors = tmpfile();
    int own = dup(STDERR_FILENO);
    assert_true(errors != NULL && own >= 0);
    assert_true(dup2(fileno(errors), STDERR_FILENO) >= 0);
    open_it(&file);
    assert_int_equal(write_rows(&file, 3), 3);
    file.said_ms = clock_mono_ms() - 60000;
    assert_int_equal(write_rows(&file, 4), 4);
    assert_int_equal(searchfile_close(&file, true, kept, NULL), ERR_OK);
    (void)fflush(stderr);
    assert_true(dup2(own, STDERR_FILENO) >= 0);
    (void)close(own);
    rewind(errors);
    assert_true(fread(said, 1, sizeof said - 1, errors) > 0);
    assert_string_equal(said, "ctvigil: 4 certificates, down to 2025-01-01\n");
    (void)fclose(errors);
    remove_all();
}

static int make_folder(void **state)
{
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)snprintf(folder, sizeof folder, "/tmp/ctvigil-searchfile.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/rows", folder);
    (void)snprintf(partial, sizeof partial, "%s.partial", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_appears_when_it_is_whole),
        cmocka_unit_test(what_is_not_whole_has_another_name),
        cmocka_unit_test(a_full_disk_leaves_whole_rows),
        cmocka_unit_test(a_disk_that_is_full_at_the_end),
        cmocka_unit_test(the_first_reason_counts),
        cmocka_unit_test(what_the_disk_lost_is_not_kept),
        cmocka_unit_test(what_is_gone_is_not_kept),
        cmocka_unit_test(a_name_that_is_taken),
        cmocka_unit_test(what_is_no_file_is_written_as_it_is),
        cmocka_unit_test(what_can_not_be_made),
        cmocka_unit_test(it_says_how_far_it_is),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
