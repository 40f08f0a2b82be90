// Serve DynamoDB on a free loopback port, print the port, and end when stdin does: whatever ends the
// tests, nothing is left behind.
const dynalite = require('dynalite')

const server = dynalite({ createTableMs: 100, deleteTableMs: 0, updateTableMs: 100 })
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit(0)).resume()
