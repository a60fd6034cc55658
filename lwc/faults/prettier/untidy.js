export default { a: "double quotes" }
