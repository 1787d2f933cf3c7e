/* No certificate makes the parser do more than a fixed amount of work per octet. Every element of every
 * stored certificate is repeated 8 and 512 times, opened 512 times and never closed, and put 200 times into
 * itself, the lengths around it kept right; everything that reads certificates reads the result, and the
 * basic blocks that it passes are counted. Work that grows with the square of anything shows as more blocks
 * per octet. */
#include <dirent.h>
#include <stdlib.h>

#include "base/suffix.h"
#include "parser/access.h"
#include "parser/certpol.h"
#include "parser/crldp.h"
#include "parser/dn.h"
#include "parser/eku.h"
#include "parser/lint.h"
#include "parser/names.h"
#include "parser/nc.h"
#include "parser/precert.h"
#include "parser/qc.h"
#include "parser/tbs.h"
#include "tests/fuzz/dermutate.h"
#include "tests/unit/sample.h"

#define ROOM ((size_t)4 << 20)
/* Blocks per octet that reading once in every way may take, and what it may take whatever the size. Twice
 * what was seen. */
#define PER_OCTET 100
#define AT_ALL    20000

void __sanitizer_cov_trace_pc(void);

static uint64_t blocks;

void __sanitizer_cov_trace_pc(void)
{
    blocks++;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
    (void)data;
    (void)max_size;
    return size;
}

static void walk_values(const struct cert *cert)
{
    struct access access;
    struct access_item access_item;
    struct certpol certpol;
    struct certpol_item certpol_item;
    struct crldp crldp;
    struct crldp_item crldp_item;
    struct eku eku;
    struct span oid;
    struct nc nc;
    struct nc_item nc_item;

    access_init(&access, cert->aia);
    while (access_next(&access, &access_item))
        continue;
    certpol_init(&certpol, cert->policies);
    while (certpol_next(&certpol, &certpol_item))
        continue;
    crldp_init(&crldp, cert->crl_points);
    while (crldp_next(&crldp, &crldp_item))
        continue;
    eku_init(&eku, cert->eku);
    while (eku_next(&eku, &oid))
        continue;
    nc_init(&nc, cert->name_constraints);
    while (nc_next(&nc, &nc_item))
        continue;
}

static uint64_t work_of(struct span der, struct arena *arena)
{
    struct finding_set findings = {{0, 0}};
    struct precert_pieces pieces;
    struct name *names;
    struct cert cert;
    char text[256];
    size_t count;

    blocks = 0;
    (void)tbs_read_certificate(der, &cert);
    lint_read(&cert, &findings);
    walk_values(&cert);
    (void)dn_text(cert.subject, text, sizeof text);
    (void)precert_normal_form(&cert, &pieces);
    arena_reset(arena, 1 << 20);
    names_collect(&cert, arena, &names, &count, &findings);
    return blocks;
}

/* What is made of one element: `times` copies, or headers around it. */
struct shape {
    const char *name;
    unsigned times;
    enum { SAME, FIRST_DIFFERS, LAST_DIFFERS, OPENED, NESTED } kind;
};

static const struct shape shapes[] = {
    {"repeated 8 times", 8, SAME},
    {"repeated 512 times", 512, SAME},
    {"repeated 512 times, its first value each time another", 512, FIRST_DIFFERS},
    {"repeated 512 times, its last value each time another", 512, LAST_DIFFERS},
    {"opened 512 times", 512, OPENED},
    {"put 200 times into itself", 200, NESTED},
};

/* The last two octets of the first or of the last primitive element become letters, which are at home in
 * names as well as in identifiers. */
static void vary(const struct shape *shape, uint8_t *copy, size_t len, unsigned number)
{
    static struct dermutate inside;

    dermutate_begin(&inside, copy, len, len, 1);
    for (int i = 0; i < inside.count; i++) {
        int n = shape->kind == FIRST_DIFFERS ? i : inside.count - 1 - i;
        const struct dermutate_node *node = &inside.nodes[n];
        if ((copy[node->at] & 0x20) != 0 || node->len < 2)
            continue;
        copy[node->at + node->head + node->len - 2] = (uint8_t)('a' + number / 26 % 26);
        copy[node->at + node->head + node->len - 1] = (uint8_t)('a' + number % 26);
        break;
    }
}

static size_t put_shape(const struct shape *shape, struct span element, uint8_t *out)
{
    static const uint8_t begin[2] = {0x30, 0x80};
    size_t at = ROOM / 2;
    size_t end = at;

    if (shape->kind == NESTED) {
        /* From the inside to the outside, and so from the end to the beginning. */
        memcpy(out + (at -= element.len), element.at, element.len);
        for (unsigned i = 0; i < shape->times; i++) {
            uint8_t head[DERMUTATE_HEAD];
            uint8_t tag = element.at[0] | 0x20;
            size_t len = dermutate_header(span_of(&tag, 1), end - at, head);
            memcpy(out + (at -= len), head, len);
        }
        memmove(out, out + at, end - at);
        return end - at;
    }
    at = 0;
    for (unsigned i = 0; i < shape->times; i++) {
        struct span part = shape->kind == OPENED ? span_of(begin, sizeof begin) : element;
        memcpy(out + at, part.at, part.len);
        if (shape->kind == FIRST_DIFFERS || shape->kind == LAST_DIFFERS)
            vary(shape, out + at, part.len, i);
        at += part.len;
    }
    return at;
}

struct worst {
    uint64_t per_octet;
    unsigned long made;
    unsigned long failures;
};

static void try_element(const char *file, struct dermutate *m, int n, struct arena *arena,
                        struct worst *worst)
{
    static uint8_t element[ROOM];
    const struct dermutate_node node = m->nodes[n];
    uint8_t *whole = malloc(ROOM);

    must(whole != NULL);
    for (size_t i = 0; i < countof(shapes); i++) {
        static struct dermutate copy;
        size_t len = put_shape(&shapes[i], dermutate_whole(m, n), element);
        memcpy(whole, m->data, m->size);
        copy = *m;
        copy.data = whole;
        copy.max = ROOM;
        dermutate_replace(&copy, n, node.at, node.head + node.len, span_of(element, len));
        uint64_t work = work_of(span_of(whole, copy.size), arena);
        uint64_t per_octet = work > AT_ALL ? (work - AT_ALL) / copy.size : 0;
        if (per_octet > worst->per_octet)
            worst->per_octet = per_octet;
        worst->made++;
        if (per_octet <= PER_OCTET)
            continue;
        printf("%s: the element at %zu %s: %zu octets take %llu blocks\n", file, node.at, shapes[i].name,
               copy.size, (unsigned long long)work);
        worst->failures++;
    }
    free(whole);
}

static void try_file(const char *path, struct arena *arena, struct worst *worst)
{
    static struct dermutate m;
    FILE *file = fopen(path, "rb");
    static uint8_t data[65536];

    must(file != NULL);
    size_t size = fread(data, 1, sizeof data, file);
    (void)fclose(file);
    dermutate_begin(&m, data, size, sizeof data, 1);
    for (int n = 0; n < m.count; n++) {
        if (m.nodes[n].head + m.nodes[n].len <= 2048)
            try_element(path, &m, n, arena, worst);
    }
}

int main(int argc, char **argv)
{
    struct worst worst = {0, 0, 0};
    struct arena arena;
    struct err why = {0};

    must(arena_init(&arena, (size_t)64 << 20));
    must(suffix_load(SPAN_LIT("com\norg\nexample\n"), &why) == ERR_OK);
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *item;
        must(dir != NULL);
        while ((item = readdir(dir)) != NULL) {
            char path[4096];
            (void)snprintf(path, sizeof path, "%s/%s", argv[i], item->d_name);
            if (item->d_name[0] != '.')
                try_file(path, &arena, &worst);
        }
        (void)closedir(dir);
    }
    arena_fini(&arena);
    printf("%lu certificates, at most %llu blocks per octet, %lu above %d\n", worst.made,
           (unsigned long long)worst.per_octet, worst.failures, PER_OCTET);
    return worst.failures != 0 || worst.made == 0 || worst.per_octet == 0;
}
