#include "verify/digest.h"

#include <openssl/evp.h>
#include <pthread.h>

/* Fetching the algorithm costs more than hashing a tree node, so it is done once for the process; a context
 * is reused by its thread because making one costs a third of such a hash. */
static pthread_once_t digest_once = PTHREAD_ONCE_INIT;
static pthread_key_t digest_key;
static EVP_MD *digest_md;
static _Thread_local EVP_MD_CTX *digest_ctx;

static void digest_thread_end(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void digest_setup(void)
{
    digest_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(digest_md != NULL);
    must(pthread_key_create(&digest_key, digest_thread_end) == 0);
}

static EVP_MD_CTX *digest_begin(void)
{
    if (digest_ctx == NULL) {
        must(pthread_once(&digest_once, digest_setup) == 0);
        digest_ctx = EVP_MD_CTX_new();
        must(digest_ctx != NULL);
        must(pthread_setspecific(digest_key, digest_ctx) == 0);
    }
    must(EVP_DigestInit_ex2(digest_ctx, digest_md, NULL) == 1);
    return digest_ctx;
}

void digest_sha256(struct span bytes, uint8_t out[32])
{
    EVP_MD_CTX *ctx = digest_begin();

    must(EVP_DigestUpdate(ctx, bytes.at, bytes.len) == 1);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

void digest_sha256_pieces(const struct span *pieces, size_t count, uint8_t out[32])
{
    EVP_MD_CTX *ctx = digest_begin();

    for (size_t i = 0; i < count; i++)
        must(EVP_DigestUpdate(ctx, pieces[i].at, pieces[i].len) == 1);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}
