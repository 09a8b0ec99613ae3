// What the browser keeps for this page: until the tab is closed, or for longer. Either is `null`
// where the reader has switched it off.

const open = (name) => {
  try {
    return window[name];
  } catch {
    return null;
  }
};

export const session = open("sessionStorage");
export const local = open("localStorage");
