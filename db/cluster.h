/* The private PostgreSQL of a state directory, for people who have no server: made on first use, started on
 * need, ended with the last program that uses it. Unix socket only, peer authentication, never run as root.
 *
 *   STATE/pg         the cluster's home, owned by the user it runs as: data/, sock/, log
 *   STATE/pg.users   every program that uses the cluster holds a shared lock on it while it lives
 *   STATE/pg.start   held by the one program that looks whether the cluster runs, or starts it
 *   STATE/pg.keeper  held by the keeper, the process (this program again, CLUSTER_KEEPER_COMMAND) whose child
 *                    the server is; holds both process ids, how the server does, and why it did not start
 *   STATE/pg.stay    there while `db start` wants the server to outlive its users
 *   STATE/pg.socket  where the socket is, while the server runs
 *
 * A killed user drops its lock, so the keeper ends the server; a killed server is started again by its
 * keeper; a killed keeper takes the server with it, and the users start both again (cluster_keep). A server
 * that can not be started (a full disk, damaged files) is tried again, at once while somebody waits for it
 * and every 30 seconds otherwise, so that it comes back when the cause is gone. */
#ifndef CTVIGIL_CLUSTER_H
#define CTVIGIL_CLUSTER_H

#include <sys/types.h>

#include "base/err.h"

/* argv[1] of the keeper; argv[2] is the state directory. main() hands it to cluster_keeper_main before
 * anything else. */
#define CLUSTER_KEEPER_COMMAND "db-keeper"
#define CLUSTER_DSN_MAX        8192

struct cluster;

struct cluster_status {
    bool made;    /* there is a cluster in the state directory */
    bool running; /* by a keeper of ours */
    bool stays;   /* asked to by cluster_stay */
    pid_t keeper; /* 0: not running */
    pid_t server;
    bool starting;          /* the server is on its way up; after a crash that can take minutes */
    char why[ERR_TEXT_MAX]; /* it does not start, or did not at the last try, whether or not anybody waits for
                               it still: the reason; "" when it is up */
    char home[4096];
    char dsn[CLUSTER_DSN_MAX]; /* "" while it does not run */
};

/* Makes the cluster if there is none, starts it if it does not run, and counts the caller among its users
 * until cluster_release or the caller's end. `program` is the executable that is started as the keeper
 * ("/proc/self/exe"). ERR_CLUSTER says what to do: no PostgreSQL installed, no usable user, a folder that can
 * not be written; or what the server said when it did not start, as soon as it has failed once since the
 * call. Waits for a server that is alive and recovers, an hour at most, and says (base/say.h) after two
 * seconds what for. */
MUST_USE enum err_code cluster_use(const char *state_dir, const char *program, struct cluster **cluster,
                                   struct err *why);
/* For programs that run long, every now and then: when the keeper was killed, and the server with it, starts
 * both again (one of the users does, the others wait for it). Costs two system calls while all is well;
 * blocks while the server starts. ERR_DB_DOWN: it ended and is being started again. ERR_CLUSTER, ERR_TIMEOUT
 * ...: the server is down, and why; a later call tries again, or finds it up. ERR_CLOSED: it came back under
 * another connection string; nothing but a new cluster_use helps. */
MUST_USE enum err_code cluster_keep(struct cluster *cluster, struct err *why);
/* Connection string; lives until cluster_release. */
const char *cluster_dsn(const struct cluster *cluster);
void cluster_release(struct cluster *cluster); /* NULL is fine */

/* The server outlives its users from now on. */
MUST_USE enum err_code cluster_stay(struct cluster *cluster, struct err *why);
/* Takes cluster_stay back and waits until the server has ended. *in_use true: other programs use it still; it
 * ends with the last of them. Nothing when it does not run. */
MUST_USE enum err_code cluster_stop(const char *state_dir, bool *in_use, struct err *why);
/* Looks without starting anything. */
MUST_USE enum err_code cluster_status(const char *state_dir, struct cluster_status *status, struct err *why);

/* The keeper's life; returns its exit status. */
int cluster_keeper_main(const char *state_dir);

#endif
