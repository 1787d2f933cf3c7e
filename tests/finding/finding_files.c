/* Reads every file of tests/corpus/finding and expects the finding that its folder is named after, or none at
 * all in the folder "none". Findings of severity broken, and those that reading itself says, must be there
 * before anybody takes a closer look. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/dns.h"
#include "ingest/examine.h"
#include "ingest/rfc6962.h"
#include "parser/getentries.h"
#include "parser/leaf.h"
#include "parser/lint.h"
#include "parser/names.h"
#include "parser/tbs.h"

#define FILE_MAX   (1u << 20)
#define ARENA      (8u << 20)
#define NAMES_ROOM 4096 /* so small that the names of names_truncated do not fit */

static unsigned long files;
static unsigned long failures;

static void fail(const char *path, const char *what)
{
    printf("%s: %s\n", path, what);
    failures++;
}

static struct finding_set of_certificate(struct span der, struct arena *arena)
{
    struct issuance issuance;
    struct cert cert;
    uint8_t sha256[32];

    (void)examine_certificate(der, arena, &cert, &issuance, sha256);
    lint_read(&cert, &issuance.findings);
    return issuance.findings;
}

static struct finding_set of_tbs(struct span tbs, struct arena *arena)
{
    struct finding_set findings = {{0, 0}};
    struct cert cert;
    struct name *names;
    size_t count;

    (void)tbs_read(tbs, &cert);
    finding_merge(&findings, &cert.findings);
    names_collect(&cert, arena, &names, &count, &findings);
    lint_read(&cert, &findings);
    return findings;
}

static struct finding_set of_entry(struct entry *entry, struct arena *arena)
{
    bool has_chain = entry->chain_count != 0;

    examine_entry(entry, arena);
    if (has_chain)
        examine_prove_issuer(entry, entry->unverified_chain[0]);
    lint_read(&entry->cert, &entry->issuance.findings);
    return entry->issuance.findings;
}

static struct finding_set of_leaf(struct span leaf, struct arena *arena)
{
    struct entry entry = {.kind = ENTRY_OPAQUE};
    uint8_t *room = arena_take(arena, leaf.len + 1, 1);

    must(room != NULL);
    room[0] = 0;
    memcpy(room + 1, leaf.at, leaf.len);
    leaf_read(span_of(room + 1, leaf.len), &entry);
    return of_entry(&entry, arena);
}

static struct finding_set of_tile(struct span tile, struct arena *arena)
{
    struct entry entry = {.kind = ENTRY_OPAQUE};
    struct cur cur = cur_of(tile);
    size_t size = leaf_tile_room(&cur);
    uint8_t *room = arena_take(arena, size + 1, 1);

    must(room != NULL);
    room[0] = 0;
    must(leaf_read_tile(&cur, room + 1, size, &entry));
    return of_entry(&entry, arena);
}

static struct finding_set of_reply(struct span text, struct arena *arena)
{
    struct entry entry = {.kind = ENTRY_OPAQUE};
    struct getentries_item item;
    size_t count;

    must(getentries_decode(arena_copy(arena, text), arena, &item, 1, &count, NULL) == ERR_OK && count == 1);
    leaf_read(item.leaf_input, &entry);
    leaf_read_extra(item.extra_data, &entry);
    return of_entry(&entry, arena);
}

static struct finding_set of_page(struct span text)
{
    struct finding_set findings = {{0, 0}};
    struct batch batch;

    must(batch_init(&batch, ARENA));
    batch.end = 1;
    batch.body = arena_copy(&batch.arena, text);
    if (rfc6962_proto()->decode(&batch, 0, NULL) != ERR_OK && batch.entry_count == 1)
        findings = batch.entries[0].findings;
    batch_fini(&batch);
    return findings;
}

static struct finding_set findings_of(const char *path, struct span bytes, struct arena *arena)
{
    const char *ending = strrchr(path, '.');

    if (strcmp(ending, ".der") == 0)
        return of_certificate(bytes, arena);
    if (strcmp(ending, ".tbs") == 0)
        return of_tbs(bytes, arena);
    if (strcmp(ending, ".leaf") == 0)
        return of_leaf(bytes, arena);
    if (strcmp(ending, ".tile") == 0)
        return of_tile(bytes, arena);
    if (strcmp(ending, ".json") == 0)
        return of_reply(bytes, arena);
    must(strcmp(ending, ".page") == 0);
    return of_page(bytes);
}

static void say(const struct finding_set *findings)
{
    for (int i = 0; i < FINDING_COUNT; i++) {
        if (finding_has(findings, (enum finding)i))
            printf("  %s\n", finding_name((enum finding)i));
    }
}

/* `finding` FINDING_COUNT: none. */
static void read_one(const char *path, enum finding finding)
{
    static uint8_t room[FILE_MAX];
    struct arena arena;
    FILE *file = fopen(path, "rb");

    must(file != NULL && arena_init(&arena, finding == FINDING_NAMES_TRUNCATED ? NAMES_ROOM : ARENA));
    size_t len = fread(room, 1, sizeof room, file);
    (void)fclose(file);
    /* An exact-size block, so that ASan sees every step too far. */
    uint8_t *exact = malloc(len);
    must(exact != NULL && len != 0 && len < sizeof room);
    memcpy(exact, room, len);
    struct finding_set findings = findings_of(path, span_of(exact, len), &arena);
    files++;
    if (finding == FINDING_COUNT ? !finding_none(&findings) : !finding_has(&findings, finding)) {
        fail(path, finding == FINDING_COUNT ? "is odd" : "lacks its finding; there are");
        say(&findings);
    }
    free(exact);
    arena_fini(&arena);
}

static enum finding finding_named(const char *name)
{
    for (int i = 0; i < FINDING_COUNT; i++) {
        if (strcmp(name, finding_name((enum finding)i)) == 0)
            return (enum finding)i;
    }
    return FINDING_COUNT;
}

static void read_folder(const char *path, enum finding finding)
{
    char file[8192];
    struct dirent *entry;
    DIR *dir = opendir(path);

    must(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        read_one(file, finding);
    }
    (void)closedir(dir);
}

int main(int argc, char **argv)
{
    static bool seen[FINDING_COUNT];
    char path[4096];
    struct dirent *entry;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

    must(dir != NULL && dns_psl_load(SPAN_LIT("org\nexample\n"), NULL) == ERR_OK);
    while ((entry = readdir(dir)) != NULL) {
        enum finding finding = finding_named(entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (finding == FINDING_COUNT && strcmp(entry->d_name, "none") != 0)
            fail(path, "is no finding");
        else
            read_folder(path, finding);
        if (finding != FINDING_COUNT)
            seen[finding] = true;
    }
    (void)closedir(dir);
    for (int i = 0; i < FINDING_COUNT; i++) {
        /* The database refuses an entry, no file does: unit test "settle" plays that. */
        if (!seen[i] && i != FINDING_STORE_REFUSED)
            fail(finding_name((enum finding)i), "no file raises it");
    }
    printf("%lu files, %lu failures\n", files, failures);
    return files == 0 || failures != 0 ? 1 : 0;
}
