/* Is there room for what is stored? Below a share of free space of the database's file system certificates
 * are matched and not stored any more (store_gap.h), so that alerts, positions and the server itself go on.
 *
 * What is looked at: the path of the configuration, else the server's data_directory when the server is on
 * this machine. Of a server elsewhere nothing is known, and nothing is ever short. */
#ifndef CTVIGIL_DISKGUARD_H
#define CTVIGIL_DISKGUARD_H

#include "base/err.h"
#include "db/pgconn.h"

#define DISKGUARD_PATH_MAX 4200

struct diskguard {
    unsigned percent;               /* 0: no guard */
    char path[DISKGUARD_PATH_MAX];  /* "": where the server says */
    char place[DISKGUARD_PATH_MAX]; /* what is looked at; "": nothing */
    bool is_short;                  /* as it was found last */
    bool asked;                     /* the server, where it keeps its data: on which connection, and when */
    uint64_t connects;
    int64_t asked_ms;
};

/* ERR_CONFIG: `path` is given and says nothing about free space: the guard would be off without a word. */
MUST_USE enum err_code diskguard_check(const char *path, struct err *why);
/* `path` NULL or "": where the server says. */
void diskguard_init(struct diskguard *guard, unsigned percent, const char *path);
/* Looks at most every two seconds, all guards of the process together: those of one place and share are
 * always of one mind. Between transactions. Says on standard error, once, when it changes. Any thread, with a
 * guard and a connection of its own. */
bool diskguard_short(struct diskguard *guard, struct pgconn *conn, int64_t now_ms);

/* Pure: what `free_percent` makes of the state. Storing begins again with a fifth more than what it stops at,
 * so that it does not begin and stop by turns. */
bool diskguard_decide(bool was_short, unsigned percent, double free_percent);
/* Free space of the file system of `path` in percent, as a user who is not root has it; of the nearest folder
 * above when it is not ours to look at. Negative: not known. */
double diskguard_free(const char *path);

#endif
