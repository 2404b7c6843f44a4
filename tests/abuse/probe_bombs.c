#include "tests/abuse/probe.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

/* How much is enough where nothing stops it. */
static long limit_of(int argc, char **argv)
{
	return argc ? strtol(argv[0], NULL, 10) : 1000000000;
}

/* Ends with 1 when it was stopped, so that the reason is looked for. */
static int stopped(const char *what, long done, long limit)
{
	int saved = errno;
	if (done >= limit) {
		printf("%s: %ld and no end\n", what, done);
		return 0;
	}
	printf("%s: %s\n", what, strerrorname_np(saved));
	return 1;
}

static int forks(int argc, char **argv)
{
	long limit = limit_of(argc, argv), done = 0;
	while (done < limit) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0)
			for (;;)
				pause();
		done++;
	}
	return stopped("forks", done, limit);
}

/* Every child does the same: what is left after each death is taken at once by another. */
static _Noreturn int fork_storm(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("storm");
	fflush(stdout);
	for (;;)
		fork();
}

static int zombies(int argc, char **argv)
{
	long limit = limit_of(argc, argv), done = 0;
	for (; done < limit; done++) {
		pid_t pid = fork();
		if (pid < 0)
			break;
		if (pid == 0)
			_exit(0);
	}
	return stopped("zombies", done, limit);
}

static void *sleep_forever(void *argument)
{
	for (;;)
		pause();
	return argument;
}

static int threads(int argc, char **argv)
{
	long limit = limit_of(argc, argv), done = 0;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 10);
	for (; done < limit; done++) {
		pthread_t thread;
		errno = pthread_create(&thread, &attributes, sleep_forever, NULL);
		if (errno)
			break;
	}
	return stopped("threads", done, limit);
}

static int memory(int argc, char **argv)
{
	long limit = limit_of(argc, argv);
	for (long done = 0; done < limit; done++) {
		void *more = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (more == MAP_FAILED)
			return stopped("memory", done, limit);
		memset(more, 'x', CHUNK);
	}
	return stopped("memory", limit, limit);
}

static int fill(int fd, long limit, const char *what)
{
	static char chunk[CHUNK];
	memset(chunk, 'x', sizeof chunk);
	long done = 0;
	for (; done < limit; done++)
		if (write(fd, chunk, sizeof chunk) < 0)
			break;
	return stopped(what, done, limit);
}

static int memfd(int argc, char **argv)
{
	return fill(memfd_create("bomb", 0), limit_of(argc, argv), "memfd");
}

static int shared_memory(int argc, char **argv)
{
	long limit = limit_of(argc, argv), done = 0;
	for (; done < limit; done++) {
		int id = shmget(IPC_PRIVATE, CHUNK, IPC_CREAT | 0600);
		char *at = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
		if (at == (void *)-1)
			break;
		memset(at, 'x', CHUNK);
		shmdt(at);
	}
	return stopped("shared memory", done, limit);
}

static void allow_many_files(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* Messages that nobody reads stay in the kernel. */
static int sockets(int argc, char **argv)
{
	static char message[64 << 10];
	long limit = limit_of(argc, argv), done = 0;
	allow_many_files();
	while (done < limit) {
		int pair[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
			break;
		while (done < limit && send(pair[0], message, sizeof message, 0) > 0)
			done++;
	}
	return stopped("socket buffers", done, limit);
}

static int descriptors(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	allow_many_files();
	struct rlimit more = {1 << 20, 1 << 20};
	say("raise the limit", setrlimit(RLIMIT_NOFILE, &more));
	long done = 0;
	while (open("/dev/null", O_RDONLY) >= 0)
		done++;
	printf("%s, %s\n", strerrorname_np(errno), done <= 65536 ? "at most 65536" : "more than 65536");
	return 0;
}

static int watches(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	allow_many_files();
	long done = 0;
	while (done < 100000 && inotify_init1(0) >= 0)
		done++;
	printf("inotify: %s\n", done < 100000 ? strerrorname_np(errno) : "no end");
	return 0;
}

static int terminals(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	allow_many_files();
	long done = 0;
	while (done < 100000 && posix_openpt(O_RDWR | O_NOCTTY) >= 0)
		done++;
	printf("terminals: %s\n", done < 100000 ? "refused" : "no end");
	return 0;
}

static int inodes(int argc, char **argv)
{
	long limit = limit_of(argc, argv), done = 0;
	for (; done < limit; done++) {
		char name[32];
		snprintf(name, sizeof name, "file-%ld", done);
		int fd = open(name, O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			break;
		close(fd);
	}
	return stopped("inodes", done, limit);
}

static int file(int argc, char **argv)
{
	return fill(open(argv[0], O_WRONLY | O_CREAT, 0600), limit_of(argc - 1, argv + 1), "file");
}

/* Giant files that hold nothing, and one that wants all its space. */
static int giants(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	int sparse = open("sparse", O_RDWR | O_CREAT, 0600);
	struct stat info;
	say("sparse", ftruncate(sparse, 1L << 40));
	fstat(sparse, &info);
	printf("blocks: %ld\n", (long)info.st_blocks);
	int solid = open("solid", O_RDWR | O_CREAT, 0600);
	/* Not every file system knows how; none may say yes. */
	printf("solid: %s\n", fallocate(solid, 0, 0, 1L << 40) < 0 ? "refused" : "done");
	return 0;
}

static int depth(int argc, char **argv)
{
	long limit = limit_of(argc, argv), done = 0;
	for (; done < limit; done++)
		if (mkdir("d", 0700) < 0 || chdir("d") < 0)
			break;
	printf("deep: %ld\n", done);
	return 0;
}

static int priority(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	struct sched_param highest = {.sched_priority = 99};
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	say("nice -20", setpriority(PRIO_PROCESS, 0, -20));
	say("real time", sched_setscheduler(0, SCHED_FIFO, &highest));
	say("io priority", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
	say("real time limit", setrlimit(RLIMIT_RTPRIO, &all));
	say("oom score", open("/proc/self/oom_score_adj", O_WRONLY) < 0
				 ? -1
				 : write(open("/proc/self/oom_score_adj", O_WRONLY), "-1000", 5));
	return 0;
}

/* Takes all cores, dies of nothing but SIGKILL. */
static _Noreturn int spin(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	puts("spinning");
	fflush(stdout);
	for (int i = 0; i < 3; i++)
		fork();
	for (volatile unsigned long i = 0;; i++)
		;
}

const struct probe probe_bombs[] = {
	{"forks", forks},
	{"fork-storm", fork_storm},
	{"zombies", zombies},
	{"threads", threads},
	{"memory", memory},
	{"memfd", memfd},
	{"shared-memory", shared_memory},
	{"sockets", sockets},
	{"descriptors", descriptors},
	{"watches", watches},
	{"terminals", terminals},
	{"inodes", inodes},
	{"file", file},
	{"giants", giants},
	{"depth", depth},
	{"priority", priority},
	{"spin", spin},
	{NULL, NULL},
};
