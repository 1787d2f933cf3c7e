/* Replays stored inputs through a fuzz target without a fuzzing engine: files and folders are the arguments.
 * Where the target brings a mutator (dermutate.h) each input is also replayed in a few mutations, always the
 * same. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MUTATIONS 64
#define ROOM      ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                                                     unsigned seed);

static unsigned long replayed;
static unsigned long mutated;

/* What libFuzzer does with octets, in its simplest form. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    static uint64_t dice = 1;

    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    size_t at = size == 0 ? 0 : (size_t)(dice >> 33) % size;
    switch (dice >> 61) {
    case 0:
        return at;
    case 1:
        if (size < max_size)
            data[size++] = (uint8_t)(dice >> 24);
        return size;
    case 2:
        if (size != 0)
            data[at] ^= (uint8_t)(1u << (dice >> 24 & 7));
        return size;
    default:
        if (size != 0)
            data[at] = (uint8_t)(dice >> 24);
        return size;
    }
}

static void exactly(const uint8_t *data, size_t size)
{
    /* An exact-size copy, so that ASan sees the first byte read past the end. */
    uint8_t *exact = malloc(size > 0 ? size : 1);

    if (exact == NULL)
        exit(1);
    if (size > 0)
        memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void replay_mutated(const uint8_t *data, size_t size)
{
    static uint8_t room[ROOM];

    if (LLVMFuzzerCustomMutator == NULL || size > ROOM / 2)
        return;
    for (unsigned seed = 0; seed < MUTATIONS; seed++) {
        memcpy(room, data, size);
        exactly(room, LLVMFuzzerCustomMutator(room, size, ROOM, seed));
        mutated++;
    }
}

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
    exactly(data, (size_t)info.st_size);
    replay_mutated(data, (size_t)info.st_size);
    free(data);
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
    printf("%lu inputs replayed, and %lu made from them\n", replayed, mutated);
    return replayed == 0 ? 1 : 0;
}
