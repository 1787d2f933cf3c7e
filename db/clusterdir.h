/* Names, locks and small files of the private cluster, shared by its users (db/cluster.h) and its keeper
 * (db/keeper.h). */
#ifndef CTVIGIL_CLUSTERDIR_H
#define CTVIGIL_CLUSTERDIR_H

#include <sys/types.h>

#include "base/err.h"

#define CLUSTERDIR_PATH_MAX 4096

/* The keeper says on this descriptor how its start went: "0" or "<code> <text>", then the end of file. */
#define CLUSTERDIR_READY_FD 3

/* Where the running server is found: content of STATE/pg.socket. */
struct clusterdir_socket {
    char dir[CLUSTERDIR_PATH_MAX]; /* of the socket */
    char run[CLUSTERDIR_PATH_MAX]; /* folder in /tmp made for this run; "" when none was needed */
};

/* What a keeper writes into its lock file, STATE/pg.keeper, about its server. Always as long, so that it can
 * be written over on a full disk. Torn reads are possible: look again before acting on one. */
enum clusterdir_state {
    CLUSTERDIR_UNKNOWN,  /* nothing written yet, or by another version of this program */
    CLUSTERDIR_STARTING, /* the server is being made, started, or recovers from a crash */
    CLUSTERDIR_RUNNING,
    CLUSTERDIR_FAILED, /* the server ended; it is started again */
};

struct clusterdir_note {
    pid_t keeper;
    pid_t server; /* 0: none */
    enum clusterdir_state state;
    unsigned attempt;       /* how many times this keeper began to start a server */
    char why[ERR_TEXT_MAX]; /* of the last start that failed; "" when none did since one went well */
};

/* STATE/pg<suffix> into out[CLUSTERDIR_PATH_MAX]; suffix "" is the home itself, "/data" a part, ".users" a
 * lock. */
MUST_USE enum err_code clusterdir_path(const char *state_dir, const char *suffix, char *out, struct err *why);

/* Opens (and makes) a lock file, close-on-exec. Made by root it belongs to the owner of the state directory.
 */
MUST_USE enum err_code clusterdir_open_lock(const char *state_dir, const char *suffix, int *fd,
                                            struct err *why);
/* Tries for up to wait_ms to take flock `operation` (LOCK_SH or LOCK_EX); false: somebody else holds it. */
bool clusterdir_lock(int fd, int operation, int64_t wait_ms);

void clusterdir_write_note(int keeper_fd, const struct clusterdir_note *note);
/* Of a file that is none: all zero. Of a keeper that is gone only `failed`, with
 * why its last start did, means anything. */
void clusterdir_read_note(int keeper_fd, struct clusterdir_note *note);

/* False: there is no such file, or it is not ours to read. */
MUST_USE bool clusterdir_read_socket(const char *state_dir, struct clusterdir_socket *socket);
MUST_USE enum err_code clusterdir_write_socket(const char *state_dir, const struct clusterdir_socket *socket,
                                               struct err *why);
bool clusterdir_exists(const char *state_dir, const char *suffix);
void clusterdir_remove(const char *state_dir, const char *suffix);
/* Major version of the data in the home; 0: there are none. */
int clusterdir_major(const char *state_dir);

/* Connection string for the socket folder and database into out[out_cap]; false when it does not fit. */
MUST_USE bool clusterdir_dsn(const char *socket_dir, const char *database, char *out, size_t out_cap);

#endif
