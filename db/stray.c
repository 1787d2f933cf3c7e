#include "db/stray.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define WAIT_MS  200000
#define ASK_MS   3000   /* a server whose keeper died is ending by itself; ask it once more after this */
#define FORCE_MS 180000 /* it writes what is changed in its buffers; cut off it reads its log again */

/* Calls kill(pid, signal_number) for every process that works in the folder; returns how many there are. */
static size_t each_process(const struct stat *folder, int signal_number)
{
    size_t count = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
        char path[300];
        struct stat cwd;
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        (void)snprintf(path, sizeof path, "%s/cwd", entry->d_name);
        if (fstatat(dirfd(processes), path, &cwd, 0) != 0 || cwd.st_ino != folder->st_ino ||
            cwd.st_dev != folder->st_dev)
            continue;
        count++;
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 1 && signal_number != 0)
            (void)kill((pid_t)pid, signal_number);
    }
    if (processes != NULL)
        (void)closedir(processes);
    return count;
}

enum err_code stray_wait(const char *data, struct err *why)
{
    struct stat folder;
    char path[4200];
    int64_t begin = clock_mono_ms();
    int64_t asked = 0;
    if (stat(data, &folder) != 0)
        return ERR_OK;
    while (each_process(&folder, 0) != 0) {
        int64_t waited = clock_mono_ms() - begin;
        if (waited > WAIT_MS)
            return err_set(why, ERR_CLUSTER,
                           "private database: processes of an earlier server will not leave %s", data);
        if (asked == 0 && waited > ASK_MS)
            asked = (int64_t)each_process(&folder, SIGINT);
        if (waited > FORCE_MS)
            (void)each_process(&folder, SIGQUIT);
        clock_sleep_ms(50);
    }
    /* Nobody is there, so whatever process it names is a stranger, and no shared memory is attached. */
    if (snprintf(path, sizeof path, "%s/postmaster.pid", data) < (int)sizeof path)
        (void)unlink(path);
    return ERR_OK;
}
