/*
 * link-emulator PID_A NAME_A PID_B NAME_B
 *
 * Makes a TUN device in the network namespace of each of the two processes and carries every IP packet from one to the
 * other, late. Lines on standard input set the wire, the same for both directions; its end is the end of the program:
 *
 *     ONE_WAY_DELAY_US LOSS_PPM
 *
 * Without loss, 64 KiB segments pass whole (TSO), so that one core moves gigabits; with loss the kernel cuts them to the
 * MTU first, so that what is lost is a packet as on a real wire. Prints "ready" when both devices are there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* A segment of 64 KiB with the header that TUN puts before it. */
#define MAX_PACKET_BYTES (65535 + 64)
/* Packets under way in one direction; a power of two. More are dropped, as any queue does. */
#define RING_PACKETS (1u << 17)
/* Packets read before those that are due are sent. */
#define BATCH_PACKETS 32

struct packet {
  uint64_t due_ns;
  ssize_t length;
  unsigned char *bytes;
};

struct direction {
  int from;
  int to;
  unsigned seed;
  struct packet *ring;
  unsigned first; /* oldest packet under way */
  unsigned next;  /* place of the next one */
};

static _Atomic uint64_t delay_ns;
static _Atomic unsigned loss_ppm;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Opens a new TUN device in the network namespace of process `pid`; the calling thread stays there. */
static int open_device(const char *pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
  int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) fail(path);
  close(space);
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(device, TUNSETIFF, &request) != 0) fail(name);
  return device;
}

static void set_offload(int device, int is_whole) {
  unsigned long flags = is_whole ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
  if (ioctl(device, TUNSETOFFLOAD, flags) != 0) fail("TUNSETOFFLOAD");
}

/* Takes one packet from the device. Returns 0 when there is none. */
static int take_packet(struct direction *way, unsigned char *buffer) {
  ssize_t length = read(way->from, buffer, MAX_PACKET_BYTES);
  if (length <= 0) return 0;
  if (loss_ppm > 0 && (unsigned)rand_r(&way->seed) % 1000000u < loss_ppm) return 1;
  if (delay_ns == 0 && way->first == way->next) {
    if (write(way->to, buffer, (size_t)length) < 0) return 1;
    return 1;
  }
  if (way->next - way->first == RING_PACKETS) return 1;
  unsigned char *bytes = malloc((size_t)length);
  if (bytes == NULL) return 1;
  memcpy(bytes, buffer, (size_t)length);
  way->ring[way->next++ % RING_PACKETS] = (struct packet){now_ns() + delay_ns, length, bytes};
  return 1;
}

/* Sends what is due. Returns how long until the next one, or -1 when nothing is under way. */
static int64_t send_due(struct direction *way) {
  while (way->first != way->next) {
    struct packet *oldest = &way->ring[way->first % RING_PACKETS];
    int64_t left = (int64_t)(oldest->due_ns - now_ns());
    if (left > 0) return left;
    /* A device that is down refuses it: that packet is lost, as on any wire. */
    if (write(way->to, oldest->bytes, (size_t)oldest->length) < 0 && errno == EBADF) exit(1);
    free(oldest->bytes);
    way->first++;
  }
  return -1;
}

static void *carry(void *argument) {
  struct direction *way = argument;
  unsigned char *buffer = malloc(MAX_PACKET_BYTES);
  way->ring = calloc(RING_PACKETS, sizeof *way->ring);
  if (buffer == NULL || way->ring == NULL) fail("memory");
  prctl(PR_SET_TIMERSLACK, 1ul);
  for (;;) {
    int64_t left = send_due(way);
    struct timespec timeout = {left / 1000000000, left % 1000000000};
    struct pollfd device = {.fd = way->from, .events = POLLIN};
    ppoll(&device, 1, left < 0 ? NULL : &timeout, NULL);
    int taken = 0;
    while (taken < BATCH_PACKETS && take_packet(way, buffer)) taken++;
  }
  return NULL;
}

int main(int count, char **words) {
  if (count != 5) {
    fprintf(stderr, "usage: link-emulator PID_A NAME_A PID_B NAME_B\n");
    return 64;
  }
  int one = open_device(words[1], words[2]);
  int other = open_device(words[3], words[4]);
  set_offload(one, 1);
  set_offload(other, 1);
  struct direction ways[2] = {{.from = one, .to = other, .seed = 1}, {.from = other, .to = one, .seed = 2}};
  pthread_t threads[2];
  for (int index = 0; index < 2; index++) {
    if (pthread_create(&threads[index], NULL, carry, &ways[index]) != 0) fail("thread");
  }
  puts("ready");
  fflush(stdout);
  unsigned long delay_us;
  unsigned loss;
  char line[128];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "%lu %u", &delay_us, &loss) != 2) continue;
    delay_ns = delay_us * 1000u;
    loss_ppm = loss;
    set_offload(one, loss == 0);
    set_offload(other, loss == 0);
    puts("set");
    fflush(stdout);
  }
  return 0;
}
