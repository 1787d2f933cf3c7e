/* The keeper of a private cluster: the process whose child the PostgreSQL server is. It makes the cluster
 * when there is none, starts the server as an unprivileged user, starts it again when it dies, and ends it
 * when nobody holds STATE/pg.users any more (db/cluster.h has the files). Runs alone in its process,
 * single-threaded. */
#ifndef CTVIGIL_KEEPER_H
#define CTVIGIL_KEEPER_H

/* Reports the outcome of the start on CLUSTERDIR_READY_FD, then stays until the server is no longer wanted.
 * Returns the exit status of the process. */
int keeper_main(const char *state_dir);

#endif
