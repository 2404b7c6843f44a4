#include "common/io/work.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdlib.h>
#include <uv.h>

struct work {
	uv_work_t request;
	void (*run)(void *arg);
	void (*done)(void *arg, bool is_cancelled);
	void *arg;
};

static void on_run(uv_work_t *request)
{
	struct work *work = request->data;
	work->run(work->arg);
}

static void on_done(uv_work_t *request, int status)
{
	struct work *work = request->data;
	void (*done)(void *, bool) = work->done;
	void *arg = work->arg;
	free(work);
	done(arg, status == UV_ECANCELED);
}

void work_submit(uv_loop_t *loop, void (*run)(void *arg), void (*done)(void *arg, bool is_cancelled), void *arg)
{
	struct work *work = mem_alloc(sizeof *work);
	work->run = run;
	work->done = done;
	work->arg = arg;
	work->request.data = work;
	if (uv_queue_work(loop, &work->request, on_run, on_done) != 0)
		BUG("uv_queue_work");
}
