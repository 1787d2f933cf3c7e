/* Replays stored inputs through a fuzz target without a fuzzing engine: files and folders are the arguments.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replayed;

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    uint8_t *data;

    if (file == NULL || fstat(fileno(file), &info) != 0) {
        perror(path);
        exit(1);
    }
    data = malloc((size_t)info.st_size + 1);
    if (data == NULL || fread(data, 1, (size_t)info.st_size, file) != (size_t)info.st_size) {
        perror(path);
        exit(1);
    }
    (void)fclose(file);
    /* An exact-size copy, so that ASan sees the first byte read past the end. */
    uint8_t *exact = malloc(info.st_size > 0 ? (size_t)info.st_size : 1);
    if (exact == NULL)
        exit(1);
    memcpy(exact, data, (size_t)info.st_size);
    free(data);
    (void)LLVMFuzzerTestOneInput(exact, (size_t)info.st_size);
    free(exact);
    replayed++;
}

static void replay_path(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *item;

    if (dir == NULL) {
        replay_file(path);
        return;
    }
    while ((item = readdir(dir)) != NULL) {
        char name[4096];
        if (item->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, item->d_name);
        replay_path(name);
    }
    (void)closedir(dir);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay_path(argv[i]);
    printf("%lu inputs replayed\n", replayed);
    return replayed == 0 ? 1 : 0;
}
