/* Runs a program and tells what it cost: rusage FILE PROGRAM [ARGUMENT...]
 *
 * FILE.pid holds its process number while it runs, FILE afterwards one line: user and system CPU seconds,
 * wall seconds, largest resident size in kB, exit status. CPU time of children that it did not wait for is
 * not in it. The shell's own `time` does not tell the memory, and cannot be asked which process it is. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(4);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    char path[4096];
    struct rusage usage;
    int status = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: rusage FILE PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    (void)snprintf(path, sizeof path, "%s.pid", argv[1]);
    double begin = now();
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        FILE *file = fopen(path, "w");
        if (file == NULL || fprintf(file, "%ld\n", (long)getpid()) < 0 || fclose(file) != 0)
            die(path);
        execvp(argv[2], argv + 2);
        die(argv[2]);
    }
    if (wait4(child, &status, 0, &usage) != child)
        die("wait4");
    double wall = now() - begin;
    (void)unlink(path);
    FILE *file = fopen(argv[1], "w");
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (file == NULL ||
        fprintf(file, "%.6f %.6f %.3f %ld %d\n", seconds(usage.ru_utime), seconds(usage.ru_stime), wall,
                usage.ru_maxrss, code) < 0 ||
        fclose(file) != 0)
        die(argv[1]);
    return code;
}
