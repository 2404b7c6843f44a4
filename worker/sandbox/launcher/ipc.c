#include "worker/sandbox/launcher/ipc.h"

#include <stddef.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semaphores { /* semctl() leaves it to the caller to define */
	struct seminfo *info;
	struct semid_ds *set;
};

void ipc_clear(void)
{
	struct shm_info shared;
	struct shmid_ds segment;
	/* The INFO calls give the highest index in use, the STAT calls an id by its index. */
	int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&shared);
	for (int i = 0; i <= last; i++)
		shmctl(shmctl(i, SHM_STAT, &segment), IPC_RMID, NULL);
	struct msginfo messages;
	struct msqid_ds queue;
	last = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&messages);
	for (int i = 0; i <= last; i++)
		msgctl(msgctl(i, MSG_STAT, &queue), IPC_RMID, NULL);
	struct seminfo semaphores;
	struct semid_ds set;
	last = semctl(0, 0, SEM_INFO, (union semaphores){.info = &semaphores});
	for (int i = 0; i <= last; i++)
		semctl(semctl(i, 0, SEM_STAT, (union semaphores){.set = &set}), 0, IPC_RMID);
}
