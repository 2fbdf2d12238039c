package monitor

import (
	"encoding/binary"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"time"
)

// A TensorBoard event file is a sequence of TFRecords, each a serialized
// tensorflow.Event. Only scalars are written, so the few fields of the protocol
// buffers that they need are encoded here.
const (
	eventWallTime    = 1 // double
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // Summary
	summaryValue     = 1 // repeated Summary.Value
	valueTag         = 1 // string
	valueSimple      = 2 // float
)

// Wire types of protocol buffers.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// versionEvent begins every event file.
func versionEvent(wall time.Time) []byte {
	return appendBytes(eventAt(wall), eventFileVersion, []byte("brain.Event:2"))
}

// scalarsEvent holds the scalars of a step, ordered by tag. Values lose what a float32 cannot hold.
func scalarsEvent(wall time.Time, step int, values map[string]float64) []byte {
	event := eventAt(wall)
	if step != 0 { // a zero is left out, as protocol buffers do
		event = binary.AppendUvarint(appendKey(event, eventStep, wireVarint), uint64(step))
	}
	var summary []byte
	for _, tag := range slices.Sorted(maps.Keys(values)) {
		value := appendBytes(nil, valueTag, []byte(tag))
		value = appendKey(value, valueSimple, wireFixed32)
		value = binary.LittleEndian.AppendUint32(value, math.Float32bits(float32(values[tag])))
		summary = appendBytes(summary, summaryValue, value)
	}
	return appendBytes(event, eventSummary, summary)
}

// eventAt begins an event with its time, in seconds since 1970.
func eventAt(wall time.Time) []byte {
	event := appendKey(nil, eventWallTime, wireFixed64)
	return binary.LittleEndian.AppendUint64(event, math.Float64bits(float64(wall.UnixMicro())/1e6))
}

func appendKey(b []byte, field, wire uint64) []byte {
	return binary.AppendUvarint(b, field<<3|wire)
}

func appendBytes(b []byte, field uint64, content []byte) []byte {
	b = appendKey(b, field, wireBytes)
	b = binary.AppendUvarint(b, uint64(len(content)))
	return append(b, content...)
}

// appendRecord frames data as a TFRecord: its length, the length's checksum, the data, the data's checksum.
func appendRecord(b, data []byte) []byte {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = append(b, length...)
	b = binary.LittleEndian.AppendUint32(b, maskedChecksum(length))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedChecksum(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedChecksum is CRC-32C rotated by 15 bits and shifted, so that the checksum
// of data that contains checksums stays a good one.
func maskedChecksum(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}
