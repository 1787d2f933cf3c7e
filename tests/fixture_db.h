/* A private database for unit tests: a temporary folder with a cluster of its own, which ends with the test.
 * The test program is its own keeper, so its main begins with FIXTURE_DB_KEEPER(argc, argv). */
#ifndef CTVIGIL_FIXTURE_DB_H
#define CTVIGIL_FIXTURE_DB_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/cluster.h"
#include "db/dbopen.h"
#include "db/pgbin.h"

#define FIXTURE_DB_KEEPER(argc, argv)                                                                        \
    do {                                                                                                     \
        if ((argc) == 3 && strcmp((argv)[1], CLUSTER_KEEPER_COMMAND) == 0)                                   \
            return cluster_keeper_main((argv)[2]);                                                           \
        struct pgbin fixture_bin;                                                                            \
        if (pgbin_find(0, &fixture_bin, NULL) != ERR_OK) {                                                   \
            fprintf(stderr, "skipped: PostgreSQL is not installed\n");                                       \
            return 77;                                                                                       \
        }                                                                                                    \
    } while (0)

struct fixture_db {
    char root[64]; /* folder of the test; the state directory lies in it */
    char state[4000];
    struct dbopen db;
};

static inline int fixture_db_remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline void fixture_db_folder(struct fixture_db *fixture)
{
    (void)snprintf(fixture->root, sizeof fixture->root, "/tmp/ctv-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    assert_int_equal(chmod(fixture->root, 0755), 0);
    (void)snprintf(fixture->state, sizeof fixture->state, "%s/state", fixture->root);
    assert_int_equal(mkdir(fixture->state, 0755), 0);
}

static inline void fixture_db_folder_gone(struct fixture_db *fixture)
{
    bool in_use = true;
    for (int i = 0; i < 2 && in_use; i++) {
        if (cluster_stop(fixture->state, &in_use, NULL) != ERR_OK)
            break;
        if (in_use)
            (void)usleep(20000);
    }
    /* Without the pause of the keeper's own clean-up the folder could refuse to go. */
    for (int i = 0; i < 100 && nftw(fixture->root, fixture_db_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0; i++)
        (void)usleep(20000);
}

static inline void fixture_db_open(struct fixture_db *fixture)
{
    struct err why = {0};
    fixture_db_folder(fixture);
    struct dbopen_options options = {.state_dir = fixture->state, .program = "/proc/self/exe"};
    if (dbopen_open(&options, &fixture->db, &why) != ERR_OK)
        fail_msg("database: %s", why.text);
}

static inline void fixture_db_close(struct fixture_db *fixture)
{
    dbopen_close(&fixture->db);
    fixture_db_folder_gone(fixture);
}

#endif
