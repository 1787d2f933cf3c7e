/* Parse a certificate and walk its alternative names: parser/ against OpenSSL d2i_X509 +
 * X509_get_ext_d2i(SAN), in the same run. Hot: 1,000 certificates again and again. Cold: copies spread over
 * 128 MB, so that each comes from memory. usage: bench_parse [FILE.der...]   (files: real certificates, at
 * least a few hundred, instead of made ones)
 * Go and Rust: the programs of bench/peer over the same hot certificates, named by the variables
 * CTVIGIL_PEER_GO and CTVIGIL_PEER_RUST, which ops/bench sets where their tool chains are present. */
#include <unistd.h>

#include "bench/certmill.h"
#include "parser/san.h"
#include "parser/tbs.h"

#define HOT        1000
#define COLD_BYTES ((size_t)128 << 20)

static uint64_t sink;

static void parse_ours(struct span der)
{
    struct cert cert;
    struct san san;
    struct san_item item;

    (void)tbs_read_certificate(der, &cert);
    san_init(&san, &cert);
    while (san_next(&san, &item))
        sink += item.value.len;
    sink += (uint64_t)cert.not_after;
}

static void parse_openssl(struct span der)
{
    const uint8_t *at = der.at;
    X509 *cert = d2i_X509(NULL, &at, (long)der.len);
    GENERAL_NAMES *names = cert == NULL ? NULL : X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    sink += names != NULL ? (uint64_t)sk_GENERAL_NAME_num(names) : 0;
    GENERAL_NAMES_free(names);
    X509_free(cert);
}

static double round_of(void (*parse)(struct span), const struct span *certs, size_t count, size_t passes)
{
    int64_t begin = certmill_cpu_ns();

    for (size_t pass = 0; pass < passes; pass++)
        for (size_t i = 0; i < count; i++)
            parse(certs[i]);
    return (double)(certmill_cpu_ns() - begin) / (double)(count * passes);
}

/* What each costs when nobody disturbs it: the best of its rounds. They take turns, so that a disturbance
 * that lasts meets both. */
struct costs {
    double ours;
    double openssl;
};

static struct costs measure(const struct span *certs, size_t count, size_t passes)
{
    /* OpenSSL takes so long that a part of them is enough. */
    size_t part = count < 1500 ? count : 1500;
    struct costs best = {1e18, 1e18};

    for (int round = 0; round < 9; round++) {
        double ours = round_of(parse_ours, certs, count, passes);
        double openssl = round_of(parse_openssl, certs, part, 1);
        best.ours = ours < best.ours ? ours : best.ours;
        best.openssl = openssl < best.openssl ? openssl : best.openssl;
    }
    return best;
}

static size_t scatter(const struct certmill *mill, uint8_t *room, struct span *out, size_t out_max)
{
    size_t used = 0;
    size_t count = 0;

    while (count < out_max) {
        struct span der = mill->certs[(count * 7919) % mill->count];
        if (used + der.len > COLD_BYTES)
            break;
        memcpy(room + used, der.at, der.len);
        out[count++] = span_of(room + used, der.len);
        used += der.len;
    }
    return count;
}

/* The form that the programs of bench/peer read. */
static bool write_hot(const struct certmill *mill, size_t count, FILE *file)
{
    bool good = true;

    for (size_t i = 0; good && i < count; i++) {
        struct span der = mill->certs[i];
        uint8_t size[4] = {(uint8_t)(der.len >> 24), (uint8_t)(der.len >> 16), (uint8_t)(der.len >> 8),
                           (uint8_t)der.len};
        good =
            fwrite(size, 1, sizeof size, file) == sizeof size && fwrite(der.at, 1, der.len, file) == der.len;
    }
    return good && fflush(file) == 0;
}

static void compare_peer(const char *who, const char *variable, const char *path, double ours)
{
    const char *program = getenv(variable);
    char command[1024];
    double ns = 0;
    unsigned refused = 0;

    if (program == NULL || program[0] == '\0') {
        printf("%-19s skipped: %s names no program (ops/bench builds it where the tool chain is present)\n",
               who, variable);
        return;
    }
    must(snprintf(command, sizeof command, "'%s' '%s'", program, path) < (int)sizeof command);
    FILE *output = popen(command, "r");
    must(output != NULL);
    char answer[64] = "";
    char *rest = answer;
    if (fgets(answer, sizeof answer, output) != NULL) {
        ns = strtod(answer, &rest);
        refused = (unsigned)strtoul(rest, NULL, 10);
    }
    if (pclose(output) != 0 || ns <= 0)
        printf("%-19s failed: %s\n", who, command);
    else
        printf("%-19s %7.0f ns   ours %8.0f ns   %6.0fx   (%u of them refused)\n", who, ns, ours, ns / ours,
               refused);
}

static void compare_peers(const struct certmill *mill, size_t count, double ours)
{
    char path[] = "/tmp/bench_parse.XXXXXX";
    int fd = mkstemp(path);
    must(fd >= 0);
    FILE *file = fdopen(fd, "wb");
    must(file != NULL && write_hot(mill, count, file));
    compare_peer("Go crypto/x509:", "CTVIGIL_PEER_GO", path, ours);
    compare_peer("Rust x509-parser:", "CTVIGIL_PEER_RUST", path, ours);
    (void)fclose(file);
    (void)unlink(path);
}

static void read_files(struct certmill *mill, int argc, char **argv)
{
    *mill = (struct certmill){NULL, 0, 0};
    for (int i = 1; i < argc; i++) {
        static uint8_t room[1 << 20];
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL)
            continue;
        size_t len = fread(room, 1, sizeof room, file);
        uint8_t *copy = malloc(len + 1);
        must(copy != NULL);
        memcpy(copy, room, len);
        certmill_add(mill, span_of(copy, len));
        (void)fclose(file);
    }
}

int main(int argc, char **argv)
{
    struct certmill mill;
    size_t cold_max = COLD_BYTES / 300;
    struct span *cold = malloc(cold_max * sizeof *cold);
    uint8_t *room = malloc(COLD_BYTES);

    must(cold != NULL && room != NULL);
    if (argc > 1)
        read_files(&mill, argc, argv);
    else
        certmill_make(&mill, HOT);
    must(mill.count != 0);
    size_t cold_count = scatter(&mill, room, cold, cold_max);
    size_t hot_count = mill.count < HOT ? mill.count : HOT;
    struct costs hot = measure(mill.certs, hot_count, 100);
    struct costs cold_costs = measure(cold, cold_count, 1);
    printf("certificates: %zu, %zu bytes on average\n", mill.count, mill.bytes / mill.count);
    printf("parse + SAN, hot:  %8.0f ns   OpenSSL %8.0f ns   %6.0fx\n", hot.ours, hot.openssl,
           hot.openssl / hot.ours);
    printf("parse + SAN, cold: %8.0f ns   OpenSSL %8.0f ns   %6.0fx\n", cold_costs.ours, cold_costs.openssl,
           cold_costs.openssl / cold_costs.ours);
    compare_peers(&mill, hot_count, hot.ours);
    certmill_free(&mill);
    free(room);
    free(cold);
    return sink == 0;
}
