/* The memory that a machine, a container or a service lets the program have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif !defined(IS_SANITIZED)
#define IS_SANITIZED false
#endif

#define MB (UINT64_C(1) << 20)
#define GB (UINT64_C(1) << 30)

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int setup(void **state)
{
    char root[] = "/tmp/ctv-memory-XXXXXX";
    *state = mkdtemp(root) != NULL ? strdup(root) : NULL;
    return *state == NULL;
}

static int teardown(void **state)
{
    (void)nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

/* A file of the system, with the folders above it. */
static void has(const char *root, const char *name, const char *text)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')) != NULL; *at++ = '/') {
        *at = '\0';
        (void)mkdir(path, 0755);
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void nothing_said(void **state)
{
    assert_int_equal(memory_limit(*state), UINT64_MAX);
    has(*state, "proc/self/cgroup", "");
    assert_int_equal(memory_limit(*state), UINT64_MAX);
    has(*state, "proc/self/cgroup", "0::/a\nrubbish\n4:memory\n5:memory:\n:::\n\n6:memory:relative\n");
    has(*state, "sys/fs/cgroup/a/memory.max", "max\n");
    has(*state, "sys/fs/cgroup/memory.max", "12 MB\n");
    has(*state, "sys/fs/cgroup/memory/memory.limit_in_bytes", "-1\n");
    assert_int_equal(memory_limit(*state), UINT64_MAX);
}

/* A service within a slice: the least of both counts, whichever of them it is. */
static void second_version(void **state)
{
    has(*state, "proc/self/cgroup", "0::/system.slice/ctvigil.service\n");
    has(*state, "sys/fs/cgroup/system.slice/memory.max", "3221225472\n");
    assert_int_equal(memory_limit(*state), 3 * GB);
    has(*state, "sys/fs/cgroup/system.slice/ctvigil.service/memory.max", "max\n");
    assert_int_equal(memory_limit(*state), 3 * GB);
    has(*state, "sys/fs/cgroup/system.slice/ctvigil.service/memory.max", "2147483648\n");
    assert_int_equal(memory_limit(*state), 2 * GB);
    has(*state, "sys/fs/cgroup/system.slice/memory.max", "1073741824\n");
    assert_int_equal(memory_limit(*state), GB);
}

/* In a container the group is named by its path on the host, which is not there; its own files are the top.
 */
static void first_version(void **state)
{
    has(*state, "proc/self/cgroup",
        "9:name=systemd:/\n8:cpu,cpuacct:/docker/abc\n7:memorybandwidth:/x\n4:hugetlb,memory:/docker/abc\n"
        "0::/\n");
    has(*state, "sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1\n");
    has(*state, "sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
    assert_int_equal(memory_limit(*state), 512 * MB);
    has(*state, "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(memory_limit(*state), 512 * MB);
}

static void without_overcommitment(void **state)
{
    has(*state, "proc/meminfo", "MemTotal:       4000000 kB\nCommitLimit:    2097152 kB\n");
    has(*state, "proc/sys/vm/overcommit_memory", "0\n");
    assert_int_equal(memory_limit(*state), UINT64_MAX);
    has(*state, "proc/sys/vm/overcommit_memory", "2\n");
    assert_int_equal(memory_limit(*state), 2 * GB);
    has(*state, "proc/meminfo", "CommitLimit:    4194304 kB\nCommitted_AS:   1048576 kB\n");
    assert_int_equal(memory_limit(*state), 3 * GB);
    has(*state, "proc/meminfo", "Committed_AS:   4194305 kB\nCommitLimit:    4194304 kB\n");
    assert_int_equal(memory_limit(*state), 1);
    has(*state, "proc/meminfo", "MemTotal:       4000000 kB\nCommitLimit:    2097152 kB\n");
    has(*state, "proc/self/cgroup", "0::/\n");
    has(*state, "sys/fs/cgroup/memory.max", "1073741824\n");
    assert_int_equal(memory_limit(*state), GB);
    has(*state, "proc/meminfo", "MemTotal:       4000000 kB\n");
    has(*state, "sys/fs/cgroup/memory.max", "max\n");
    assert_int_equal(memory_limit(*state), UINT64_MAX);
}

static void this_machine(void **state)
{
    uint64_t here = memory_bytes();
    (void)state;
    assert_true(here > 16 * MB &&
                here <= (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

/* What is checked for faults at run time has terabytes of addresses, and can not be given less. */
static void address_space_of_a_service(void **state)
{
    struct rlimit before;
    (void)state;
    if (IS_SANITIZED)
        skip();
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    struct rlimit less = {.rlim_cur = GB, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &less), 0);
    uint64_t here = memory_bytes();
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(here, GB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_said, setup, teardown),
        cmocka_unit_test_setup_teardown(second_version, setup, teardown),
        cmocka_unit_test_setup_teardown(first_version, setup, teardown),
        cmocka_unit_test_setup_teardown(without_overcommitment, setup, teardown),
        cmocka_unit_test(this_machine),
        cmocka_unit_test(address_space_of_a_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
