// Writes a toy feed to the topic: go run . localhost:9092 raw_messages
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type message struct {
	ConnectionID string `json:"connection_id"`
	ReceivedNs   int64  `json:"recv_ts_ns"`
	Type         string `json:"msg_type"`
}

func main() {
	client, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.DefaultProduceTopic(os.Args[2]))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for number := range 200 {
		kind := "NEW"
		if number%10 == 0 {
			kind = "HEARTBEAT"
		}
		value, _ := json.Marshal(message{"toy-go", time.Now().UnixNano(), kind})
		client.Produce(context.Background(), kgo.KeyStringRecord("toy-go", string(value)), func(_ *kgo.Record, err error) {
			if err != nil {
				log.Fatal(err)
			}
		})
		time.Sleep(10 * time.Millisecond)
	}
	if err := client.Flush(context.Background()); err != nil {
		log.Fatal(err)
	}
}
